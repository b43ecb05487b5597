/* EndpointSlice: fields, defaults and rules. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "watch/decode/decode_field.h"
#include "watch/decode/decode_time.h"
#include "watch/decode/validate.h"

#define ENDPOINTS_MAX 1000 /* the API server's bounds */
#define ADDRESSES_MAX 100
#define HINTS_MAX 8
#define WEIGHT_MAX 100

/* ---- ports ---- */

/*
 * An absent name: the API server fills in "" when it stores a slice, so a manifest means that; in what it sends an
 * absent name is a slice that cannot be used, skipped as kube-proxy does.
 */
static bool read_port(struct decoder *d, const struct place *entry, struct slice_port_object *p)
{
	struct place name = place_key(entry, "name"), proto = place_key(entry, "protocol");
	struct place port = place_key(entry, "port");

	if (!field_map(d, entry))
		return false;
	if (place_absent(&name) && d->lenient) {
		decode_warning(d, &name, "missing: the port is skipped");
		return false;
	}
	if (place_absent(&port) || (port.v->type == VALUE_NUMBER && port.v->whole && port.v->integer == 0)) {
		decode_warning(d, &port, "missing: the port is skipped (\"all ports\" is not supported)");
		return false;
	}
	p->name = field_port_name(d, entry);
	p->port = (uint16_t)field_integer(d, &port, 1, 65535, 0);
	p->proto = field_proto(d, &proto);
	return p->port != 0 && p->proto != 0;
}

static void check_port_names(struct decoder *d, const struct place *list, const struct slice_object *s)
{
	const char **names = arena_array(d->scratch, s->port_count, sizeof *names), *twice;

	for (size_t i = 0; i < s->port_count; i++)
		names[i] = s->ports[i].name;
	if ((twice = names_twice(names, s->port_count)) != NULL)
		decode_error(d, list, "two ports are named \"%s\"", twice);
}

static void read_ports(struct decoder *d, const struct place *root, struct slice_object *s)
{
	struct place list = place_key(root, "ports");
	size_t most = field_list(d, &list), index = 0;
	struct slice_port_object *all = arena_array(d->scratch, most, sizeof *all);

	s->ports = all;
	for (const struct value *v = most != 0 ? list.v->first : NULL; v != NULL; v = v->next) {
		struct place entry = place_item(&list, index++, v);
		s->port_count += read_port(d, &entry, &all[s->port_count]);
	}
	if (!d->lenient)
		check_port_names(d, &list, s);
}

/* ---- endpoints ---- */

static bool read_address(struct decoder *d, const struct place *p, int family, struct addr *a)
{
	const char *text = field_string(d, p), *special;

	if (text == NULL)
		return false;
	if (!addr_parse(a, text) || a->family != family) {
		decode_error(d, p, "\"%.60s\" is not an %s address", text, family == AF_INET ? "IPv4" : "IPv6");
		return false;
	}
	field_warn_mapped(d, p, text);
	if (!d->lenient && (special = addr_is_special(a)) != NULL)
		decode_error(d, p, "%.60s %s", text, special);
	else if (!d->lenient)
		field_warn_multicast(d, p, a);
	return true;
}

static bool read_addresses(struct decoder *d, const struct place *endpoint, int family, struct endpoint_object *e,
			   struct endpoint_extra *x)
{
	struct place list = place_key(endpoint, "addresses");
	size_t most = field_list(d, &list), index = 0;
	struct addr *more, a;

	if (most == 0 || most > ADDRESSES_MAX) {
		decode_error(d, &list, most == 0 ? "missing" : "more than 100 addresses");
		return false;
	}
	more = most > 1 ? arena_array(d->scratch, most - 1, sizeof *more) : NULL;
	x->more_addrs = more;
	for (const struct value *v = list.v->first; v != NULL; v = v->next) {
		struct place item = place_item(&list, index++, v);
		if (!read_address(d, &item, family, &a)) {
			if (index == 1)
				return false;
			continue;
		}
		if (index == 1)
			e->addr = a;
		else
			more[x->more_addr_count++] = a;
	}
	return true;
}

static void read_conditions(struct decoder *d, const struct place *endpoint, struct endpoint_object *e)
{
	struct place conditions = place_key(endpoint, "conditions");
	struct place ready = place_key(&conditions, "ready"), serving = place_key(&conditions, "serving");
	struct place terminating = place_key(&conditions, "terminating");

	e->ready = field_bool(d, &ready, true);
	e->serving = field_bool(d, &serving, true);
	e->terminating = field_bool(d, &terminating, false);
}

static const char *const *read_hints(struct decoder *d, const struct place *hints, const char *key, size_t *count)
{
	struct place list = place_key(hints, key);
	size_t most = field_list(d, &list), index = 0;
	const char **all = most != 0 ? arena_array(d->scratch, HINTS_MAX, sizeof *all) : NULL;

	*count = 0;
	if (most > HINTS_MAX)
		decode_error(d, &list, "more than %d hints", HINTS_MAX);
	for (const struct value *v = most != 0 ? list.v->first : NULL; v != NULL && index < HINTS_MAX; v = v->next) {
		struct place item = place_item(&list, index++, v), name = place_key(&item, "name");
		const char *text = field_string(d, &name);
		if (text != NULL && text[0] != '\0')
			all[(*count)++] = text;
		else if (place_absent(&name))
			decode_error(d, &name, "missing");
	}
	return all;
}

static const char *string_or_null(struct decoder *d, const struct place *up, const char *key)
{
	struct place p = place_key(up, key);
	const char *text = field_string(d, &p);

	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* Of a node or pod; what cannot be one is an error and NULL. */
static const char *name_or_null(struct decoder *d, const struct place *up, const char *key)
{
	struct place p = place_key(up, key);

	return field_name(d, &p);
}

static void read_owner(struct decoder *d, const struct place *endpoint, struct endpoint_object *e)
{
	struct place target = place_key(endpoint, "targetRef");
	const struct value *kind = value_get(target.v, "kind");

	e->node_name = name_or_null(d, endpoint, "nodeName");
	e->zone = string_or_null(d, endpoint, "zone");
	if (kind != NULL && strcmp(kind->text, "Pod") == 0)
		e->pod_name = name_or_null(d, &target, "name");
}

static bool read_endpoint(struct decoder *d, const struct place *entry, int family, struct endpoint_object *e)
{
	struct place hints = place_key(entry, "hints");
	struct endpoint_extra x = {0};

	*e = (struct endpoint_object){.weight = 1};
	if (!field_map(d, entry) || !read_addresses(d, entry, family, e, &x))
		return false;
	read_conditions(d, entry, e);
	read_owner(d, entry, e);
	x.hostname = field_hostname(d, entry);
	if (!place_absent(&hints)) {
		x.zone_hints = read_hints(d, &hints, "forZones", &x.zone_hint_count);
		x.node_hints = read_hints(d, &hints, "forNodes", &x.node_hint_count);
	}
	e->extra = endpoint_extra_keep(d->scratch, &x);
	return true;
}

static struct endpoint_object *read_endpoints(struct decoder *d, const struct place *root, struct slice_object *s)
{
	struct place list = place_key(root, "endpoints");
	size_t most = field_list(d, &list), index = 0;
	struct endpoint_object *all = arena_array(d->scratch, most, sizeof *all);

	if (most > ENDPOINTS_MAX)
		decode_error(d, &list, "more than %d endpoints", ENDPOINTS_MAX);
	s->endpoints = all;
	for (const struct value *v = most != 0 ? list.v->first : NULL; v != NULL; v = v->next) {
		struct place entry = place_item(&list, index++, v);
		s->endpoint_count += read_endpoint(d, &entry, s->family, &all[s->endpoint_count]);
	}
	return all;
}

/* ---- annotations ---- */

/* One "address=weight" of the list; *text moves behind it and its comma. */
static bool read_weight(const char **text, struct addr *a, uint16_t *weight)
{
	char address[ADDR_TEXT_BYTES];
	const char *p = *text + strspn(*text, " ");
	size_t n = strcspn(p, "=");
	char *end;

	if (p[n] != '=' || n >= sizeof address || !isdigit((unsigned char)p[n + 1]))
		return false;
	memcpy(address, p, n);
	address[n] = '\0';
	long value = strtol(p + n + 1, &end, 10);
	end += strspn(end, " ");
	if (!addr_parse(a, address) || value < 1 || value > WEIGHT_MAX || (*end != ',' && *end != '\0'))
		return false;
	*weight = (uint16_t)value;
	*text = *end == ',' ? end + 1 : end;
	return *end == '\0' || **text != '\0'; /* no comma at the end */
}

struct weight {
	struct addr addr;
	uint16_t weight;
	uint32_t order;
};

static int by_addr(const void *a, const void *b)
{
	return addr_compare(&((const struct weight *)a)->addr, &((const struct weight *)b)->addr);
}

/* Of an address that stands there twice the last one in front: the others are never found. */
static int by_addr_last(const void *a, const void *b)
{
	const struct weight *x = a, *y = b;
	int c = by_addr(a, b);

	return c != 0 ? c : (x->order < y->order) - (x->order > y->order);
}

static size_t drop_repeats(struct weight *all, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || by_addr(&all[kept - 1], &all[i]) != 0)
			all[kept++] = all[i];
	return kept;
}

/* Sorted, for both lists may be long. */
static void weights_apply(struct decoder *d, const char *text, struct endpoint_object *endpoints, size_t count)
{
	struct weight *all = arena_array(d->scratch, strlen(text) / sizeof "::=1" + 1, sizeof *all);
	size_t found = 0;

	while (*text != '\0' && read_weight(&text, &all[found].addr, &all[found].weight)) {
		all[found].order = (uint32_t)found;
		found++;
	}
	qsort(all, found, sizeof *all, by_addr_last);
	found = drop_repeats(all, found);
	for (size_t i = 0; i < count; i++) {
		const struct weight probe = {.addr = endpoints[i].addr};
		const struct weight *w = bsearch(&probe, all, found, sizeof *all, by_addr);
		if (w != NULL)
			endpoints[i].weight = w->weight;
	}
}

/* fairlead/weight: "10.0.0.1=5,10.0.0.2=10"; as a whole or not at all. */
static void read_weights(struct decoder *d, const struct place *root, struct endpoint_object *all, size_t count)
{
	struct place metadata = place_key(root, "metadata"), annotations = place_key(&metadata, "annotations");
	struct place place = place_key(&annotations, "fairlead/weight");
	const char *text = field_annotation(d, "fairlead/weight"), *at = text;
	struct addr a;
	uint16_t weight;

	if (text == NULL)
		return;
	do {
		if (!read_weight(&at, &a, &weight)) {
			decode_warning(d, &place, "\"%.60s\" is not a list of address=1…%d with commas between", text,
				       WEIGHT_MAX);
			return;
		}
	} while (*at != '\0');
	weights_apply(d, text, all, count);
}

/* ---- the slice ---- */

static bool read_family(struct decoder *d, const struct place *root, struct slice_object *s)
{
	static const char *const names[] = {"IPv4", "IPv6", "FQDN", NULL};
	struct place type = place_key(root, "addressType");
	int which = field_enum(d, &type, names, -1);

	if (place_absent(&type))
		decode_error(d, &type, "missing");
	if (which == 2)
		decode_warning(d, &type, "FQDN slices are not used");
	s->family = which == 1 ? AF_INET6 : AF_INET;
	return which == 0 || which == 1;
}

void decode_slice(struct decoder *d, const struct place *root)
{
	static const char label[] = "kubernetes.io/service-name";
	struct slice_object s = {.object = {.kind = OBJECT_SLICE}, .service_name = field_label(d, label)};
	struct place metadata = place_key(root, "metadata"), labels = place_key(&metadata, "labels");
	struct place service = place_key(&labels, label);
	struct endpoint_object *endpoints;

	if (!d->lenient)
		validate_slice(d, root);
	if (!read_family(d, root, &s))
		return;
	const bool orphan = s.service_name == NULL || s.service_name[0] == '\0';
	if (!orphan && !name_is_label(s.service_name)) {
		decode_refuse(d, &service, "\"%.80s\" is not the name of a Service (a DNS label: a-z, 0-9, -)",
			      s.service_name);
		return;
	}
	/* Kept by a controller, so what a manifest was exported with says nothing of the Service beside it. */
	s.headless_label = d->lenient && field_label(d, "service.kubernetes.io/headless") != NULL;
	read_ports(d, root, &s);
	endpoints = read_endpoints(d, root, &s);
	read_weights(d, root, endpoints, s.endpoint_count);
	if (orphan) {
		decode_warning(d, &service, "missing: the slice belongs to no Service");
		s.service_name = "";
	}
	decode_emit(d, &s.object, root->v->line,
		    decode_time_ms(field_annotation(d, "endpoints.kubernetes.io/last-change-trigger-time")));
}
