/*
 * Endpoints (v1): each subset becomes one slice per family, as the API server's mirroring controller would write them.
 * notReadyAddresses are endpoints with ready and serving false.
 */
#include <string.h>
#include <sys/socket.h>

#include "watch/decode/decode_field.h"
#include "watch/decode/validate.h"

static bool read_port(struct decoder *d, const struct place *entry, struct slice_port_object *p)
{
	struct place proto = place_key(entry, "protocol"), port = place_key(entry, "port");

	if (!field_map(d, entry))
		return false;
	p->name = field_port_name(d, entry);
	if (place_absent(&port))
		decode_error(d, &port, "missing");
	p->port = (uint16_t)field_integer(d, &port, 1, 65535, 0);
	p->proto = field_proto(d, &proto);
	return p->port != 0 && p->proto != 0;
}

static const struct slice_port_object *read_ports(struct decoder *d, const struct place *subset, size_t *count)
{
	struct place list = place_key(subset, "ports");
	size_t most = field_list(d, &list), index = 0;
	struct slice_port_object *all = arena_array(d->scratch, most, sizeof *all);

	*count = 0;
	for (const struct value *v = most != 0 ? list.v->first : NULL; v != NULL; v = v->next) {
		struct place entry = place_item(&list, index++, v);
		*count += read_port(d, &entry, &all[*count]);
	}
	return all;
}

static bool read_address(struct decoder *d, const struct place *entry, bool ready, struct endpoint_object *e)
{
	struct place ip = place_key(entry, "ip"), node = place_key(entry, "nodeName");
	struct place target = place_key(entry, "targetRef"), pod = place_key(&target, "name");
	const struct value *kind = value_get(target.v, "kind");
	const char *special;

	*e = (struct endpoint_object){.ready = ready, .serving = ready, .weight = 1};
	if (place_absent(&ip))
		decode_error(d, &ip, "missing");
	if (!field_addr(d, &ip, &e->addr))
		return false;
	if ((special = addr_is_special(&e->addr)) != NULL)
		decode_error(d, &ip, "%.60s %s", ip.v->text, special);
	else
		field_warn_multicast(d, &ip, &e->addr);
	e->node_name = field_name(d, &node);
	e->extra = endpoint_extra_keep(d->scratch, &(struct endpoint_extra){.hostname = field_hostname(d, entry)});
	if (kind != NULL && strcmp(kind->text, "Pod") == 0)
		e->pod_name = field_name(d, &pod);
	return true;
}

static size_t read_addresses(struct decoder *d, const struct place *list, bool ready, struct endpoint_object *all)
{
	size_t index = 0, count = 0;

	if (field_list(d, list) == 0)
		return 0;
	for (const struct value *v = list->v->first; v != NULL; v = v->next) {
		struct place entry = place_item(list, index++, v);
		count += read_address(d, &entry, ready, &all[count]);
	}
	return count;
}

/* The addresses of one family; all of a subset's ports. */
static void emit_family(struct decoder *d, struct slice_object *s, const struct place *subset, size_t index)
{
	const struct endpoint_object *from = s->endpoints;
	size_t most = s->endpoint_count;
	struct endpoint_object *kept = arena_array(d->scratch, most, sizeof *kept);
	struct slice_object out = *s;

	out.endpoints = kept;
	out.endpoint_count = 0;
	for (size_t i = 0; i < most; i++)
		if (from[i].addr.family == s->family)
			kept[out.endpoint_count++] = from[i];
	if (out.endpoint_count == 0)
		return;
	out.object.name =
		arena_printf(d->scratch, "%s:endpoints-%s-%zu", d->name, s->family == AF_INET ? "ipv4" : "ipv6", index);
	decode_emit(d, &out.object, subset->v->line, 0);
}

static struct slice_object read_subset(struct decoder *d, const struct place *subset)
{
	struct place ready = place_key(subset, "addresses"), not_ready = place_key(subset, "notReadyAddresses");
	size_t most = field_list(d, &ready) + field_list(d, &not_ready);
	struct endpoint_object *all = arena_array(d->scratch, most, sizeof *all);
	struct slice_object s = {.object = {.kind = OBJECT_SLICE}, .service_name = d->name, .endpoints = all};

	s.ports = read_ports(d, subset, &s.port_count);
	s.endpoint_count = read_addresses(d, &ready, true, all);
	s.endpoint_count += read_addresses(d, &not_ready, false, all + s.endpoint_count);
	return s;
}

/* All subsets are read before the first slice is passed on: an error anywhere refuses the whole object. */
void decode_endpoints(struct decoder *d, const struct place *root)
{
	struct place list = place_key(root, "subsets");
	size_t most = field_list(d, &list), index = 0;
	struct slice_object *slices = arena_array(d->scratch, most, sizeof *slices);
	const struct value *first = most != 0 ? list.v->first : NULL;

	for (const struct value *v = first; v != NULL; v = v->next) {
		struct place subset = place_item(&list, index, v);
		if (!d->lenient)
			validate_subset(d, &subset);
		slices[index++] = read_subset(d, &subset);
	}
	index = 0;
	for (const struct value *v = first; v != NULL; v = v->next, index++) {
		struct place subset = place_item(&list, index, v);
		slices[index].family = AF_INET;
		emit_family(d, &slices[index], &subset, index);
		slices[index].family = AF_INET6;
		emit_family(d, &slices[index], &subset, index);
	}
}
