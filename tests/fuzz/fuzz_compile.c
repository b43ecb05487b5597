/*
 * Any objects through the compiler: the order of slices does not matter, a service asks for each key once, every slot
 * leads to an endpoint, and the difference between two versions turns the elements of one into those of the other.
 */
#include <stdlib.h>
#include <netinet/in.h>
#include <string.h>

#include "service/compile.h"
#include "proxy/changes.h"
#include "tests/unit/show_lab.h"
#include "watch/decode/decode.h"
#include "watch/manifest/yaml.h"

#define OBJECTS_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct objects {
	struct object *all[OBJECTS_MAX];
	size_t count;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void on_object(void *ctx, struct object *o, uint32_t line)
{
	struct objects *objects = ctx;

	(void)line;
	if (objects->count < OBJECTS_MAX)
		objects->all[objects->count++] = o;
	else
		object_free(o);
}

static void on_problem(void *ctx, const struct decode_problem *p)
{
	(void)ctx;
	(void)p;
}

static void decode(struct objects *objects, const uint8_t *data, size_t size)
{
	struct decode_sink sink = {.ctx = objects, .object = on_object, .problem = on_problem};
	struct yaml_parser *parser = yaml_parser_new();
	struct decoder *decoder = decoder_new(true);
	struct arena *arena = arena_new(4096);
	struct yaml_chunk chunk;
	size_t at = 0;
	uint32_t line = 1;

	while (yaml_next_document((const char *)data, size, &at, &line, &chunk)) {
		const struct value *v;
		struct yaml_error error;
		if (yaml_parse(parser, &chunk, arena, &v, &error))
			decode_document(decoder, v, &sink);
		arena_reset(arena);
	}
	arena_free(arena);
	decoder_free(decoder);
	yaml_parser_free(parser);
}

/* Every slice for every service: more to merge. Names decide the order, so only one of a name. */
static size_t slices_of(const struct objects *objects, const struct slice_object **slices, bool backwards)
{
	size_t count = 0;

	for (size_t i = 0; i < objects->count; i++) {
		const struct object *o = objects->all[backwards ? objects->count - 1 - i : i];
		bool repeated = false;
		for (size_t k = 0; k < objects->count; k++)
			repeated |= objects->all[k] < o && objects->all[k]->kind == OBJECT_SLICE &&
				    strcmp(objects->all[k]->name, o->name) == 0;
		if (o->kind == OBJECT_SLICE && !repeated)
			slices[count++] = (const struct slice_object *)o;
	}
	return count;
}

static void check_pool(const struct service_port *p, const struct pool *pool)
{
	must(pool->size == 0 ? pool->count == 0 : slot_size(pool->size) == pool->size && pool->count <= pool->size);
	for (uint32_t i = 0; i < pool->count; i++)
		must(pool->slots[i] < p->target_count);
}

static void check(const struct service *s)
{
	struct element_list list = {0};

	for (size_t i = 0; i < s->port_count; i++) {
		check_pool(&s->ports[i], &s->ports[i].cluster);
		check_pool(&s->ports[i], &s->ports[i].local);
		must(!s->maglev || s->ports[i].cluster.size == 0 || maglev_size_exists(s->ports[i].cluster.size));
	}
	for (size_t i = 0; i < s->dns_endpoint_count; i++) {
		const struct dns_endpoint *e = &s->dns_endpoints[i];
		must(strlen(e->label) <= 63 && e->label[0] != '\0');
		must(e->port_count + (size_t)e->ports_at <= s->dns_port_count);
	}
	elements_collect(&list, s, NULL);
	element_list_sort(&list);
	for (size_t i = 1; i < list.count; i++)
		must(!element_same_key(&list.items[i - 1], &list.items[i]));
	element_list_fini(&list);
}

static void same_print(const struct service *a, const struct service *b)
{
	struct buf x = {0}, y = {0};

	print_service(&x, a, NULL);
	print_service(&y, b, NULL);
	must(strcmp(x.data, y.data) == 0 && a->dns_digest == b->dns_digest);
	buf_fini(&x);
	buf_fini(&y);
}

static void add_to(void *ctx, const struct element *e)
{
	element_list_add(ctx, e);
}

static void del_from(void *ctx, const struct element *e)
{
	struct element_list *l = ctx;
	size_t i = 0;

	while (i < l->count && !element_equal(&l->items[i], e))
		i++;
	must(i < l->count);
	l->items[i] = l->items[--l->count];
}

static void check_change(const struct service *prev, const struct service *next)
{
	struct element_list have = {0}, want = {0}, none = {0};
	struct element_ops ops = {.ctx = &have, .del = del_from, .add = add_to};
	struct element_ops nothing = {.ctx = &none, .del = add_to, .add = add_to};
	struct owners *owners = owners_new(NULL, NULL);
	struct changes *changes = changes_new();

	changes_service(changes, owners, NULL, prev);
	changes_flush(changes, &ops);
	changes_service(changes, owners, prev, next);
	changes_flush(changes, &ops);
	elements_collect(&want, next, NULL);
	must(elements_reconcile(&want, &have, &nothing) == 0);
	changes_free(changes);
	owners_free(owners);
	element_list_fini(&have);
	element_list_fini(&want);
}

static void compile(const struct objects *objects, const struct service_object *o, struct arena *scratch)
{
	const struct slice_object *slices[OBJECTS_MAX], *backwards[OBJECTS_MAX];
	struct addr addrs[2] = {{AF_INET, {192, 168, 0, 2}}, {AF_INET6, {0xfd, [15] = 2}}};
	const struct cidr range = {{AF_INET, {10, 96}}, 16};
	const struct own_socket dns = {addrs[0], IPPROTO_UDP, 53};
	struct node_facts node = {.name = "node-1",
				  .zone = "zone-a",
				  .ip_count = 2,
				  .ips = addrs,
				  .node_port_addr_count = 2,
				  .node_port_addrs = addrs,
				  .addresses = {.host_count = 2,
						.host = addrs,
						.service_cidr_count = 1,
						.service_cidrs = &range,
						.own_count = 1,
						.own = &dns}};
	/* Tables of the usual size make this slow. */
	struct compile_input in = {.object = o, .node = &node, .slices = slices, .maglev_fits = MAGLEV_SIZE_MIN};

	in.slice_count = slices_of(objects, slices, false);
	must(slices_of(objects, backwards, true) == in.slice_count);
	struct service *first = service_compile(&in, scratch);
	in.slices = backwards;
	struct service *second = service_compile(&in, scratch);
	check(first);
	same_print(first, second);
	in.prev = first;
	in.slice_count = in.slice_count / 2;
	struct service *third = service_compile(&in, scratch);
	check(third);
	check_change(first, third);
	service_free(third);
	service_free(first);
	service_free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct objects objects = {0};
	struct arena *scratch = arena_new(4096);

	decode(&objects, data, size);
	for (size_t i = 0; i < objects.count; i++)
		if (objects.all[i]->kind == OBJECT_SERVICE)
			compile(&objects, (const struct service_object *)objects.all[i], scratch);
	for (size_t i = 0; i < objects.count; i++)
		object_free(objects.all[i]);
	arena_free(scratch);
	return 0;
}
