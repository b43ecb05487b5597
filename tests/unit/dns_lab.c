/* A zone with services by hand, for the DNS tests. */
#include "tests/unit/dns_lab.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/sock.h"

static void give_up(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s\n", what, detail);
	abort();
}

struct addr lab_addr(const char *text)
{
	struct addr a = {0};

	if (!addr_parse(&a, text))
		give_up("no address", text);
	return a;
}

/* ---- services ---- */

static size_t ports_parse(struct dns_port *ports, char (*names)[16], const char *text)
{
	size_t count = 0;
	char proto[8];
	unsigned number;
	int used;

	while (sscanf(text, " %15[^: ]:%7[^:]:%u%n", names[count], proto, &number, &used) == 3 ||
	       (names[count][0] = '\0', sscanf(text, " :%7[^:]:%u%n", proto, &number, &used)) == 2) {
		ports[count] = (struct dns_port){.name = names[count],
						 .proto = strcmp(proto, "tcp") == 0   ? IPPROTO_TCP
							  : strcmp(proto, "udp") == 0 ? IPPROTO_UDP
										      : IPPROTO_SCTP,
						 .port = (uint16_t)number};
		count++;
		text += used;
	}
	return count;
}

static int endpoint_compare(const void *a, const void *b)
{
	const struct dns_endpoint *x = a, *y = b;
	int order = strcmp(x->label, y->label);

	if (order == 0)
		order = addr_compare(&x->addr, &y->addr);
	return order != 0 ? order : (int)x->ports_at - (int)y->ports_at;
}

static void dash(char *label, const char *address)
{
	snprintf(label, 64, "%.63s", address);
	for (char *c = label; *c != '\0'; c++) {
		if (*c == '.' || *c == ':')
			*c = '-';
	}
}

static size_t endpoints_parse(struct dns_endpoint *e, char (*labels)[64], const char *text, size_t ports)
{
	char word[128];
	size_t count = 0;
	int used;

	for (; sscanf(text, " %127s%n", word, &used) == 1; text += used) {
		char *slash = strchr(word, '/'), *equal = strchr(word, '=');
		e[count] = (struct dns_endpoint){.port_count = (uint16_t)ports};
		if (slash != NULL) {
			e[count].ports_at = (uint16_t)(slash[1] - '0');
			e[count].port_count = 1;
			*slash = '\0';
		}
		if (equal != NULL) {
			*equal = '\0';
			snprintf(labels[count], sizeof labels[count], "%.63s", word);
		} else {
			dash(labels[count], word);
		}
		e[count].addr = lab_addr(equal == NULL ? word : equal + 1);
		e[count].label = labels[count];
		count++;
	}
	qsort(e, count, sizeof *e, endpoint_compare);
	return count;
}

static struct service *make(struct service *draft, const char *ports, const char *endpoints)
{
	struct dns_port p[LAB_PORTS];
	struct dns_endpoint e[LAB_ENDPOINTS];
	char names[LAB_PORTS][16], labels[LAB_ENDPOINTS][64];

	draft->dns_port_count = (uint32_t)ports_parse(p, names, ports);
	draft->dns_ports = p;
	if (draft->dns_kind == DNS_CLUSTER_IP)
		draft->dns_service_ports = draft->dns_port_count;
	draft->dns_endpoint_count = (uint32_t)endpoints_parse(e, labels, endpoints, draft->dns_port_count);
	draft->dns_endpoints = e;
	for (const char *c = endpoints; *c != '\0'; c++)
		draft->dns_digest = draft->dns_digest * 31 + (uint8_t)*c;
	return service_pack(draft);
}

struct service *lab_cluster_ip(const char *ns, const char *name, const char *cluster_ips, const char *ports,
			       const char *endpoints)
{
	struct service draft = {.ns = ns, .name = name, .dns_kind = DNS_CLUSTER_IP};
	char word[ADDR_TEXT_BYTES];
	int used;

	for (; sscanf(cluster_ips, " %45s%n", word, &used) == 1; cluster_ips += used)
		draft.cluster_ips[draft.cluster_ip_count++] = lab_addr(word);
	return make(&draft, ports, endpoints);
}

struct service *lab_headless(const char *ns, const char *name, const char *ports, const char *endpoints,
			     unsigned not_ready)
{
	static const char *const waiting[] = {"waiting-0", "waiting-1", "waiting-2"};
	struct service draft = {.ns = ns,
				.name = name,
				.dns_kind = DNS_HEADLESS,
				.dns_not_ready = not_ready,
				.dns_waiting_count = not_ready < 3 ? not_ready : 3,
				.dns_waiting = waiting};

	return make(&draft, ports, endpoints);
}

struct service *lab_external(const char *ns, const char *name, const char *target)
{
	struct service draft = {.ns = ns, .name = name, .dns_kind = DNS_EXTERNAL_NAME, .external_name = target};

	return make(&draft, "", "");
}

/* ---- zone ---- */

void lab_init(struct lab *l)
{
	*l = (struct lab){.config.fixed_order = true};
	l->zone = zone_new(&(struct zone_config){"cluster.local", 5, 7, PODS_INSECURE, NULL});
	l->config.zone = l->zone;
	l->responder = (struct responder){.config = &l->config, .counts = &l->counts};
	zone_namespace_set(l->zone, "default", true);
	zone_namespace_set(l->zone, "other", true);
	zone_namespace_set(l->zone, "kube-system", true);
	zone_complete(l->zone);
}

void lab_fini(struct lab *l)
{
	zone_free(l->zone);
}

void lab_put(struct lab *l, struct service *s)
{
	zone_replace(l->zone, NULL, s);
}

/* ---- questions ---- */

size_t lab_send(struct lab *l, const void *bytes, size_t length, enum respond_proto proto)
{
	static const struct addr loopback = {AF_INET, {127, 0, 0, 1}};
	struct sockaddr_storage from;
	uint8_t *exact = mem_alloc(length + (length == 0)); /* so that a sanitizer sees reads past the end */

	memcpy(exact, bytes, length);
	sock_address(&from, l->from.family != 0 ? &l->from : &loopback, 4000);
	struct packet in = {exact, length, (struct sockaddr *)&from, proto};
	l->verdict = respond(&l->responder, &in, l->reply, sizeof l->reply, &l->reply_bytes);
	free(exact);
	return l->reply_bytes;
}

size_t lab_query(uint8_t *to, const char *name, unsigned type, unsigned class, unsigned edns_bytes)
{
	static const uint8_t header[WIRE_HEADER_BYTES] = {0x12, 0x34, 0x01, 0, 0, 1};
	size_t length = WIRE_HEADER_BYTES;

	memcpy(to, header, sizeof header);
	size_t name_bytes = name_encode(to + length, name);
	if (name_bytes == 0)
		give_up("not a name", name);
	length += name_bytes;
	wire_put16(to + length, type);
	wire_put16(to + length + 2, class);
	length += 4;
	if (edns_bytes > 0) {
		memcpy(to + length, "\0\0\51\0\0\0\0\0\0\0\0", 11);
		wire_put16(to + length + 3, edns_bytes);
		to[11] = 1;
		length += 11;
	}
	return length;
}

static void add_record(struct buf *b, const ldns_rr *rr)
{
	char *owner = ldns_rdf2str(ldns_rr_owner(rr)), *type = ldns_rr_type2str(ldns_rr_get_type(rr));

	buf_printf(b, "%s %s", owner, type);
	for (size_t i = 0; i < ldns_rr_rd_count(rr) && ldns_rr_get_type(rr) != LDNS_RR_TYPE_SOA; i++) {
		char *data = ldns_rdf2str(ldns_rr_rdf(rr, i));
		buf_printf(b, " %s", data);
		free(data);
	}
	free(owner);
	free(type);
}

static void add_section(struct buf *b, const ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		buf_puts(b, i == 0 ? " " : ", ");
		add_record(b, ldns_rr_list_rr(list, i));
	}
}

/* Shortens every ".svc.cluster.local." to ".~". */
static void shorten(char *line, size_t room, const char *text)
{
	static const char suffix[] = ".svc.cluster.local.";
	size_t at = 0;

	while (*text != '\0' && at + 3 < room) {
		if (strncmp(text, suffix, sizeof suffix - 1) == 0) {
			line[at++] = '.';
			line[at++] = '~';
			text += sizeof suffix - 1;
		} else {
			line[at++] = *text++;
		}
	}
	line[at] = '\0';
}

const char *lab_line(struct lab *l)
{
	ldns_pkt *p = NULL;
	struct buf b = {0};

	if (l->reply_bytes == 0)
		return "no reply";
	if (ldns_wire2pkt(&p, l->reply, l->reply_bytes) != LDNS_STATUS_OK)
		give_up("ldns cannot read the reply to", l->line);
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(p));
	buf_printf(&b, "%s%s%s:", rcode, ldns_pkt_aa(p) ? " aa" : "", ldns_pkt_tc(p) ? " tc" : "");
	add_section(&b, ldns_pkt_answer(p));
	buf_puts(&b, " /");
	add_section(&b, ldns_pkt_authority(p));
	buf_puts(&b, " /");
	add_section(&b, ldns_pkt_additional(p));
	shorten(l->line, sizeof l->line, b.data);
	free(rcode);
	ldns_pkt_free(p);
	buf_fini(&b);
	return l->line;
}

const char *lab_ask(struct lab *l, const char *name, const char *type)
{
	uint8_t query[512];
	unsigned number = ldns_get_rr_type_by_name(type);

	snprintf(l->line, sizeof l->line, "%s %s", name, type);
	lab_send(l, query, lab_query(query, name, number, CLASS_IN, 0), RESPOND_TCP);
	return lab_line(l);
}

size_t lab_differing(struct lab *l, const struct lab_row *rows, size_t count)
{
	size_t differing = 0;

	for (size_t i = 0; i < count; i++) {
		const char *got = lab_ask(l, rows[i].name, rows[i].type);

		if (strcmp(got, rows[i].expected) == 0)
			continue;
		fprintf(stderr, "%s %s\n  got      %s\n  expected %s\n", rows[i].name, rows[i].type, got,
			rows[i].expected);
		differing++;
	}
	return differing;
}

struct service *lab_big(unsigned count)
{
	char endpoints[LAB_ENDPOINTS * 16] = "";
	size_t at = 0;

	for (unsigned i = 0; i < count; i++)
		at += (size_t)snprintf(endpoints + at, sizeof endpoints - at, "10.244.100.%u ", i + 1);
	return lab_headless("default", "big", "http:tcp:80", endpoints, 0);
}
