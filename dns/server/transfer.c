/* Which records a zone transfer has, and for whom. */
#include "dns/server/transfer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sock.h"
#include "dns/server/transfer_stream.h"

/* ---- request ---- */

static bool client_allowed(const struct respond_config *c, const struct sockaddr *from)
{
	struct addr a;

	sock_parse(&a, from);
	for (size_t i = 0; i < c->transfer_count; i++) {
		if (cidr_contains(&c->transfer[i], &a))
			return true;
	}
	return false;
}

/* Behind the name at `at`, which may be compressed; past the end when it is cut off. */
static size_t skip_name(const uint8_t *message, size_t length, size_t at)
{
	while (at < length && message[at] != 0 && message[at] < 0xc0)
		at += message[at] + 1U;
	return at < length && message[at] >= 0xc0 ? at + 2 : at + 1;
}

/* The serial in the authority section of an IXFR request (RFC 1995 3); without one it is a plain AXFR. */
static bool client_serial(const struct query *q, const uint8_t *message, size_t length, uint32_t *serial)
{
	size_t at = skip_name(message, length, q->question_end);

	if (wire_get16(message + 8) != 1 || at + 10 + 22 > length || wire_get16(message + at) != TYPE_SOA)
		return false;
	at += 10; /* the data: two names and five numbers, the serial first */
	at = skip_name(message, length, skip_name(message, length, at));
	if (at + 4 > length)
		return false;
	*serial = wire_get32(message + at);
	return true;
}

bool transfer_wanted(const struct respond_config *c, const struct packet *in, struct transfer *t)
{
	const struct name *domain = &c->zone->domain;

	if (c->transfer_count == 0 || in->proto != RESPOND_TCP || in->length > sizeof t->message)
		return false;
	memcpy(t->message, in->bytes, in->length);
	if (query_parse(&t->query, t->message, in->length) != QUERY_OK)
		return false;
	const struct query *q = &t->query;
	if ((q->type != TYPE_AXFR && q->type != TYPE_IXFR) || q->class != CLASS_IN || q->edns_version != 0)
		return false;
	if (q->name.length != domain->length || memcmp(q->name.wire, domain->wire, domain->length) != 0)
		return false;
	t->incremental = q->type == TYPE_IXFR && client_serial(q, t->message, in->length, &t->serial);
	return atomic_load(&((struct zone *)c->zone)->complete) && client_allowed(c, in->from);
}

/* ---- zone ---- */

struct walk {
	const struct zone *zone;
	struct transfer_stream *stream;
};

/* prefix: wire labels in front of the cluster domain. Too long a name cannot be asked for: nothing. */
static void emit_below(const struct walk *w, const uint8_t *prefix, size_t prefix_bytes, const unsigned *types)
{
	const struct name *domain = &w->zone->domain;
	uint8_t wire[2 * NAME_BYTES];
	struct name name;
	size_t at = 0;

	memcpy(wire, prefix, prefix_bytes);
	memcpy(wire + prefix_bytes, domain->wire, domain->length);
	if (!name_read(&name, wire, prefix_bytes + domain->length, &at))
		return;
	for (; *types != 0 && !transfer_stream_stops(w->stream); types++)
		transfer_stream_answer(w->stream, &name, *types);
}

static size_t put_label(uint8_t *to, const char *prefix, const char *text)
{
	int length = snprintf((char *)to + 1, NAME_LABEL_BYTES + 1, "%s%s", prefix, text);

	to[0] = (uint8_t)(length > NAME_LABEL_BYTES ? NAME_LABEL_BYTES : length);
	return to[0] + 1U;
}

static size_t put_service(uint8_t *to, const struct service *service)
{
	size_t length = put_label(to, "", service->name);

	length += put_label(to + length, "", service->ns);
	return length + put_label(to + length, "", "svc");
}

static const char *proto_text(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : proto == IPPROTO_SCTP ? "sctp" : "tcp";
}

static void emit_ports(const struct walk *w, const struct view *v)
{
	static const unsigned types[] = {TYPE_SRV, 0};
	const struct service *service = v->service;
	uint8_t prefix[5 * (NAME_LABEL_BYTES + 2)];

	for (size_t i = 0; i < service->dns_named_count; i++) {
		const struct dns_port *p = &service->dns_ports[service->dns_named[i]];
		size_t length = put_label(prefix, "_", p->name);
		length += put_label(prefix + length, "_", proto_text(p->proto));
		length += put_service(prefix + length, service);
		emit_below(w, prefix, length, types);
	}
}

static void emit_endpoints(const struct walk *w, const struct view *v)
{
	static const unsigned types[] = {TYPE_A, TYPE_AAAA, TYPE_SRV, 0};
	const struct service *service = v->service;
	uint8_t prefix[4 * (NAME_LABEL_BYTES + 2)];

	for (size_t i = 0; i < service->dns_endpoint_count; i++) {
		const char *label = service->dns_endpoints[i].label;
		if (i > 0 && strcmp(label, service->dns_endpoints[i - 1].label) == 0)
			continue;
		size_t length = put_label(prefix, "", label);
		length += put_service(prefix + length, service);
		emit_below(w, prefix, length, types);
	}
}

static void emit_service(const struct walk *w, const struct view *v)
{
	static const unsigned alias[] = {TYPE_CNAME, 0}, types[] = {TYPE_A, TYPE_AAAA, TYPE_SRV, 0};
	uint8_t prefix[3 * (NAME_LABEL_BYTES + 2)];
	size_t length = put_service(prefix, v->service);

	emit_below(w, prefix, length, v->kind == DNS_EXTERNAL_NAME ? alias : types);
	if (v->kind != DNS_CLUSTER_IP && v->kind != DNS_HEADLESS)
		return;
	emit_ports(w, v);
	emit_endpoints(w, v);
}

static int view_compare(const void *a, const void *b)
{
	const struct service *x = (*(const struct view *const *)a)->service,
			     *y = (*(const struct view *const *)b)->service;

	return service_name_compare(x, y);
}

/* Every service of this moment, by namespace and name. Valid until this thread's next quiescent state. */
static const struct view **views_sorted(const struct zone *z, size_t *count)
{
	size_t room = 0, n = 0;
	const struct view **views = NULL;
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_for_each(z->services, &iter, node)
	{
		views = mem_grow(views, n, &room, sizeof *views);
		views[n++] = service_entry_view(caa_container_of(node, struct service_entry, node));
	}
	if (n != 0)
		qsort(views, n, sizeof *views, view_compare);
	*count = n;
	return views;
}

static void emit_zone(const struct walk *w)
{
	static const unsigned apex[] = {TYPE_NS, 0}, text[] = {TYPE_TXT, 0}, server[] = {TYPE_A, TYPE_AAAA, 0};
	size_t count;
	const struct view **views = views_sorted(w->zone, &count);

	emit_below(w, (const uint8_t *)"", 0, apex);
	emit_below(w, (const uint8_t *)"\2ns\3dns", 7, server);
	emit_below(w, (const uint8_t *)"\13dns-version", 12, text);
	for (size_t i = 0; i < count && !transfer_stream_stops(w->stream); i++)
		emit_service(w, views[i]);
	free(views);
}

bool transfer_build(const struct respond_config *c, const struct transfer *t, const struct sockaddr *from,
		    struct buf *out)
{
	const struct transfer_stream_config to = {c, &t->query, t->message, from, t->stop, out};
	const struct walk w = {c->zone, transfer_stream_begin(&to)};
	const bool current = t->incremental && (int32_t)(t->serial - transfer_stream_serial(w.stream)) >= 0;

	/* The first and the last record are the same SOA, whatever happens in between. */
	transfer_stream_soa(w.stream);
	if (!current) {
		emit_zone(&w);
		if (!transfer_stream_stops(w.stream))
			transfer_stream_soa(w.stream);
	}
	return transfer_stream_end(w.stream);
}
