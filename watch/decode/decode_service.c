/* Service: fields, defaults and rules of the API server. */
#include <stdlib.h>
#include <string.h>

#include "watch/decode/decode_field.h"
#include "watch/decode/decode_time.h"
#include "watch/decode/validate.h"

#define AFFINITY_DEFAULT_S 10800
#define AFFINITY_MAX_S 86400
#define PORT_MAX 65535

static const char *const type_names[] = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName", NULL};
static const char *const policy_names[] = {"Cluster", "Local", NULL};
static const char *const family_names[] = {"IPv4", "IPv6", NULL};

/* ---- ports ---- */

/* As written: a number or a name; the default is the port itself. */
static const char *read_target_port(struct decoder *d, const struct place *entry, uint16_t port)
{
	struct place target = place_key(entry, "targetPort");

	if (place_absent(&target) || (target.v->type == VALUE_NUMBER && target.v->whole && target.v->integer == 0))
		return arena_printf(d->scratch, "%u", port);
	if (target.v->type == VALUE_NUMBER)
		return arena_printf(d->scratch, "%u", (unsigned)field_integer(d, &target, 1, PORT_MAX, port));
	const char *text = field_string(d, &target);
	if (text != NULL && text[0] != '\0' && !name_is_service(text))
		decode_error(d, &target, "\"%.40s\" is neither a port number nor a port name", text);
	return text != NULL && text[0] != '\0' ? text : arena_printf(d->scratch, "%u", port);
}

static bool read_port(struct decoder *d, const struct place *entry, struct port_object *p)
{
	struct place proto = place_key(entry, "protocol"), port = place_key(entry, "port");
	struct place node_port = place_key(entry, "nodePort");

	if (!field_map(d, entry))
		return false;
	p->port = (uint16_t)field_integer(d, &port, 1, PORT_MAX, 0);
	if (place_absent(&port))
		decode_error(d, &port, "missing");
	if (p->port == 0)
		return false;
	p->name = field_port_name(d, entry);
	p->proto = field_proto(d, &proto);
	if (p->proto == 0)
		return false;
	p->node_port = (uint16_t)field_integer(d, &node_port, 0, PORT_MAX, 0);
	p->target_port = read_target_port(d, entry, p->port);
	return true;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* A number used twice with one protocol, among ports (or node ports); 0 = none. */
static uint32_t twice(struct decoder *d, const struct service_object *s, bool node_ports)
{
	uint32_t *keys = arena_array(d->scratch, s->port_count, sizeof *keys);
	size_t n = 0;

	for (size_t i = 0; i < s->port_count; i++) {
		uint32_t port = node_ports ? s->ports[i].node_port : s->ports[i].port;
		if (port != 0)
			keys[n++] = (uint32_t)s->ports[i].proto << 16 | port;
	}
	qsort(keys, n, sizeof *keys, compare_u32);
	for (size_t i = 1; i < n; i++)
		if (keys[i] == keys[i - 1])
			return keys[i];
	return 0;
}

static const char *name_twice(struct decoder *d, const struct service_object *s)
{
	const char **names = arena_array(d->scratch, s->port_count, sizeof *names);
	size_t n = 0;

	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i].name[0] != '\0')
			names[n++] = s->ports[i].name;
	return names_twice(names, n);
}

static void check_ports(struct decoder *d, const struct place *ports, const struct service_object *s)
{
	uint32_t key;
	const char *name;

	if (s->port_count < 2)
		return;
	for (size_t i = 0; i < s->port_count; i++)
		if (s->ports[i].name[0] == '\0') {
			decode_error(d, ports, "port %u has no name: names are required when there are several ports",
				     s->ports[i].port);
			break;
		}
	if ((name = name_twice(d, s)) != NULL)
		decode_error(d, ports, "two ports are named \"%s\"", name);
	if ((key = twice(d, s, false)) != 0)
		decode_error(d, ports, "port %u/%s is there twice", key & 0xffff, proto_name((uint8_t)(key >> 16)));
	if ((key = twice(d, s, true)) != 0)
		decode_error(d, ports, "nodePort %u/%s is there twice", key & 0xffff, proto_name((uint8_t)(key >> 16)));
}

static void read_ports(struct decoder *d, const struct place *spec, struct service_object *s)
{
	struct place ports = place_key(spec, "ports");
	size_t most = field_list(d, &ports), index = 0;
	struct port_object *all = arena_array(d->scratch, most, sizeof *all);

	s->ports = all;
	for (const struct value *v = most != 0 ? ports.v->first : NULL; v != NULL; v = v->next) {
		struct place entry = place_item(&ports, index++, v);
		s->port_count += read_port(d, &entry, &all[s->port_count]);
	}
	check_ports(d, &ports, s);
	if (most == 0 && !s->headless && s->type != SERVICE_EXTERNAL_NAME)
		decode_error(d, &ports, "missing: a Service with a ClusterIP needs a port");
}

/* ---- addresses ---- */

static bool is_none(const struct place *p)
{
	return p->v != NULL && p->v->type == VALUE_STRING && strcmp(p->v->text, "None") == 0;
}

/* clusterIPs, or clusterIP where only that is there: each stands for the other (API defaulting). */
static void read_cluster_ips(struct decoder *d, const struct place *spec, struct service_object *s)
{
	struct place one = place_key(spec, "clusterIP"), all = place_key(spec, "clusterIPs");
	size_t count = field_list(d, &all), index = 0;
	const struct value *first = count != 0 ? all.v->first : NULL;
	struct place first_place = place_item(&all, 0, first);
	struct addr a;

	s->headless = is_none(&one) || (place_unset(&one) && is_none(&first_place));
	if (s->headless) {
		if ((first != NULL && !is_none(&first_place)) || count > 1)
			decode_error(d, &all, "must be [None] as clusterIP says");
		return;
	}
	if (first == NULL) {
		if (!place_unset(&one) && field_addr(d, &one, &a))
			s->cluster_ips[s->cluster_ip_count++] = a;
		return;
	}
	if (count > 2)
		decode_error(d, &all, "more than two addresses");
	for (const struct value *v = first; v != NULL && index < 2; v = v->next) {
		struct place item = place_item(&all, index++, v);
		if (field_addr(d, &item, &a))
			s->cluster_ips[s->cluster_ip_count++] = a;
	}
	if (!place_unset(&one))
		field_addr(d, &one, &a); /* for what is wrong with it */
}

static void check_families(struct decoder *d, const struct place *spec, struct service_object *s)
{
	struct place families = place_key(spec, "ipFamilies");
	size_t count = field_list(d, &families), index = 0;

	if (s->cluster_ip_count == 2 && s->cluster_ips[0].family == s->cluster_ips[1].family) {
		struct place ips = place_key(spec, "clusterIPs");
		decode_error(d, &ips, "two addresses of one family");
		s->cluster_ip_count = 1;
	}
	for (const struct value *v = count != 0 ? families.v->first : NULL; v != NULL; v = v->next) {
		struct place item = place_item(&families, index, v);
		int family = field_enum(d, &item, family_names, -1);
		if (family >= 0 && index < s->cluster_ip_count &&
		    (s->cluster_ips[index].family == AF_INET6) != (family == 1))
			decode_error(d, &item, "%s, but that clusterIP is of the other family", family_names[family]);
		index++;
	}
}

static void read_external_ips(struct decoder *d, const struct place *spec, struct service_object *s)
{
	struct place list = place_key(spec, "externalIPs");
	char text[ADDR_TEXT_BYTES];

	s->external_ips = field_addrs(d, &list, &s->external_ip_count);
	for (size_t i = 0; i < s->external_ip_count; i++) {
		const char *wrong = addr_is_special(&s->external_ips[i]);
		if (wrong != NULL)
			decode_error(d, &list, "%s %s", addr_format(&s->external_ips[i], text), wrong);
		else if (!d->lenient)
			field_warn_multicast(d, &list, &s->external_ips[i]);
	}
}

/* Status, written by a controller: what is wrong here never refuses the Service. */
static void read_ingress(struct decoder *d, const struct place *root, struct service_object *s)
{
	struct place status = place_key(root, "status"), balancer = place_key(&status, "loadBalancer");
	struct place list = place_key(&balancer, "ingress");
	size_t most = list.v != NULL && list.v->type == VALUE_LIST ? list.v->count : 0, index = 0;
	struct ingress_object *all = arena_array(d->scratch, most, sizeof *all);

	s->ingress = all;
	for (const struct value *v = most != 0 ? list.v->first : NULL; v != NULL; v = v->next) {
		struct place item = place_item(&list, index++, v);
		struct place ip = place_key(&item, "ip");
		struct place mode = place_key(&item, "ipMode");
		struct ingress_object *to = &all[s->ingress_count];
		to->proxy_mode = !place_unset(&mode) && strcmp(mode.v->text, "Proxy") == 0;
		if (!place_unset(&mode) && !to->proxy_mode && strcmp(mode.v->text, "VIP") != 0)
			decode_warning(d, &mode, "\"%.40s\" is none of VIP, Proxy: taken as VIP", mode.v->text);
		if (!place_unset(&ip) && !addr_parse(&to->addr, ip.v->text)) {
			decode_warning(d, &ip, "\"%.60s\" is not an IP address", ip.v->text);
			continue;
		}
		s->ingress_count++;
	}
}

/* ---- the rest ---- */

static void read_affinity(struct decoder *d, const struct place *spec, struct service_object *s)
{
	static const char *const names[] = {"None", "ClientIP", NULL};
	struct place affinity = place_key(spec, "sessionAffinity"), config = place_key(spec, "sessionAffinityConfig");
	struct place client = place_key(&config, "clientIP"), timeout = place_key(&client, "timeoutSeconds");

	s->client_ip_affinity = field_enum_filled(d, &affinity, names, 0) == 1;
	s->affinity_timeout_s = AFFINITY_DEFAULT_S;
	if (s->client_ip_affinity)
		s->affinity_timeout_s = (uint32_t)field_integer(d, &timeout, 1, AFFINITY_MAX_S, AFFINITY_DEFAULT_S);
}

static void read_policies(struct decoder *d, const struct place *spec, struct service_object *s)
{
	struct place external = place_key(spec, "externalTrafficPolicy");
	struct place internal = place_key(spec, "internalTrafficPolicy");
	struct place health = place_key(spec, "healthCheckNodePort");
	struct place not_ready = place_key(spec, "publishNotReadyAddresses");

	s->external_policy = (enum traffic_policy)field_enum_filled(d, &external, policy_names, POLICY_CLUSTER);
	s->internal_policy = (enum traffic_policy)field_enum(d, &internal, policy_names, POLICY_CLUSTER);
	s->health_check_node_port = (uint16_t)field_integer(d, &health, 0, PORT_MAX, 0);
	if (s->health_check_node_port != 0 &&
	    (s->type != SERVICE_LOAD_BALANCER || s->external_policy != POLICY_LOCAL)) {
		decode_warning(d, &health, "ignored: only with type LoadBalancer and externalTrafficPolicy Local");
		s->health_check_node_port = 0;
	}
	s->publish_not_ready = field_bool(d, &not_ready, false);
}

static void read_external_name(struct decoder *d, const struct place *spec, struct service_object *s)
{
	struct place name = place_key(spec, "externalName");
	const char *text = s->type == SERVICE_EXTERNAL_NAME ? field_string(d, &name) : NULL;
	size_t n = text != NULL ? strlen(text) : 0;

	if (s->type != SERVICE_EXTERNAL_NAME)
		return;
	if (n > 0 && text[n - 1] == '.')
		n--;
	if (n == 0) {
		decode_refuse(d, &name, "missing: required with type ExternalName");
		return;
	}
	s->external_name = arena_strndup(d->scratch, text, n);
	if (!name_is_subdomain(s->external_name))
		decode_error(d, &name, "\"%.80s\" is not a DNS name (a-z, 0-9, -, .)", text);
}

#define LAN_NAMES_MAX 16

static void name_lower_text(char *name)
{
	for (; *name != '\0'; name++)
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name - 'A' + 'a');
}

/* "nas.lan, files.lan": which zone they are in is a question for DNS (dns/zone/lan.h). */
static void read_lan_names(struct decoder *d, const struct place *annotations, struct service_object *s)
{
	struct place place = place_key(annotations, "fairlead/hostname");
	char *rest = arena_strdup(d->scratch, field_annotation(d, "fairlead/hostname")), *one;
	unsigned count = 0;

	while (rest != NULL && (one = strsep(&rest, ",")) != NULL) {
		one += strspn(one, " ");
		size_t n = strcspn(one, " ");
		bool blank = one[n + strspn(one + n, " ")] == '\0';
		if (n > 0 && one[n - 1] == '.')
			n--;
		char *name = arena_strndup(d->scratch, one, n);
		name_lower_text(name);
		if (!blank || !name_is_subdomain(name)) {
			decode_warning(d, &place, "\"%.80s\" is not a DNS name (a-z, 0-9, -, .)", one);
		} else if (count++ == LAN_NAMES_MAX) {
			decode_warning(d, &place, "more than %d names", LAN_NAMES_MAX);
			return;
		} else {
			s->lan_names =
				s->lan_names == NULL ? name : arena_printf(d->scratch, "%s,%s", s->lan_names, name);
		}
	}
}

static void read_annotations(struct decoder *d, const struct place *root, struct service_object *s)
{
	struct place metadata = place_key(root, "metadata"), annotations = place_key(&metadata, "annotations");
	struct place lb = place_key(&annotations, "fairlead/lb");
	struct place ranges = place_key(&annotations, "fairlead/source-ranges");
	const char *text = field_annotation(d, "fairlead/lb");

	if (text != NULL && strcmp(text, "maglev") == 0)
		s->balance = BALANCE_MAGLEV;
	else if (text != NULL && strcmp(text, "random") != 0)
		decode_warning(d, &lb, "\"%.40s\" is none of random, maglev", text);
	text = field_annotation(d, "fairlead/source-ranges");
	s->source_ranges_everywhere = text != NULL && strcmp(text, "all") == 0;
	if (text != NULL && !s->source_ranges_everywhere)
		decode_warning(d, &ranges, "\"%.40s\" is not \"all\"", text);
	read_lan_names(d, &annotations, s);
}

/* Who of two came first owns an address (proxy/owners.h). Manifests rarely have it. */
static void read_created(const struct place *root, struct service_object *s)
{
	const struct value *created = value_get(value_get(root->v, "metadata"), "creationTimestamp");

	if (created != NULL && created->type == VALUE_STRING)
		s->created_s = decode_time_ms(created->text) / 1000;
	if (s->created_s < 0)
		s->created_s = 0;
}

void decode_service(struct decoder *d, const struct place *root)
{
	struct service_object s = {.object = {.kind = OBJECT_SERVICE}};
	struct place spec = place_key(root, "spec"), type = place_key(&spec, "type");
	struct place ranges = place_key(&spec, "loadBalancerSourceRanges");

	if (!field_map(d, &spec)) {
		decode_refuse(d, &spec, "missing");
		return;
	}
	read_created(root, &s);
	s.type = (enum service_type)field_enum_filled(d, &type, type_names, SERVICE_CLUSTER_IP);
	read_cluster_ips(d, &spec, &s);
	check_families(d, &spec, &s);
	read_ports(d, &spec, &s);
	read_external_ips(d, &spec, &s);
	read_ingress(d, root, &s);
	s.source_ranges = field_cidrs(d, &ranges, &s.source_range_count);
	read_policies(d, &spec, &s);
	read_affinity(d, &spec, &s);
	read_external_name(d, &spec, &s);
	read_annotations(d, root, &s);
	if (!d->lenient) {
		decode_wishes(d, root, &spec, &s);
		validate_service(d, root, &s);
	}
	s.proxy_name = field_label(d, "service.kubernetes.io/service-proxy-name");
	s.headless_label = field_label(d, "service.kubernetes.io/headless") != NULL;
	decode_emit(d, &s.object, root->v->line, 0);
}
