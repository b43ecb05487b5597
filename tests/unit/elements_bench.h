/* A kernel of elements and the services in it, for unit tests: include after <cmocka.h>. */
#ifndef TESTS_ELEMENTS_BENCH_H
#define TESTS_ELEMENTS_BENCH_H

#include "base/buf.h"
#include "objects.h"
#include "proxy/changes.h"
#include "proxy/elements.h"

/* The kernel as far as elements go: refuses what the real one refuses. */
struct kernel {
	struct element_list list;
	struct element_list leaving; /* deleted in the transaction at hand */
	size_t operations;
};

static inline void kernel_del(void *ctx, const struct element *e)
{
	struct kernel *k = ctx;

	k->operations++;
	for (size_t i = 0; i < k->list.count; i++)
		if (element_equal(&k->list.items[i], e)) {
			element_list_add(&k->leaving, &k->list.items[i]);
			k->list.items[i] = k->list.items[--k->list.count];
			return;
		}
	fail_msg("deleted what is not there");
}

static inline void kernel_add(void *ctx, const struct element *e)
{
	struct kernel *k = ctx;

	k->operations++;
	for (size_t i = 0; i < k->list.count; i++)
		assert_false(element_same_key(&k->list.items[i], e));
	element_list_add(&k->list, e);
}

static inline bool kernel_count(void *ctx, struct element *e)
{
	const struct kernel *k = ctx;

	for (size_t i = k->leaving.count; i-- > 0;)
		if (element_equal(&k->leaving.items[i], e)) {
			*e = k->leaving.items[i];
			return true;
		}
	return false;
}

static inline struct element_ops ops_of(struct kernel *k)
{
	return (struct element_ops){.ctx = k, .del = kernel_del, .add = kernel_add, .count = kernel_count};
}

struct bench {
	struct arena *objects, *scratch;
	struct addr node_port_addr;
	struct node_facts node;
	struct owners *owners;
	struct changes *changes;
	struct kernel kernel;
};

static inline int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	b->objects = arena_new(4096);
	b->scratch = arena_new(4096);
	b->node_port_addr = ip("192.168.0.2");
	b->node = (struct node_facts){.name = "here", .node_port_addr_count = 1, .node_port_addrs = &b->node_port_addr};
	b->owners = owners_new(NULL, NULL);
	b->changes = changes_new();
	*state = b;
	return 0;
}

static inline int teardown(void **state)
{
	struct bench *b = *state;

	element_list_fini(&b->kernel.list);
	element_list_fini(&b->kernel.leaving);
	changes_free(b->changes);
	owners_free(b->owners);
	arena_free(b->objects);
	arena_free(b->scratch);
	free(b);
	return 0;
}

static inline struct service *compile(struct bench *b, const struct service_object *o, const char *endpoints,
				      const struct service *prev)
{
	const struct slice_object *slice = make_slice(b->objects, "s", "", IPPROTO_TCP, 8080, endpoints);
	struct compile_input in = {.object = o, .slices = &slice, .slice_count = 1, .node = &b->node, .prev = prev};

	return service_compile(&in, b->scratch);
}

/* Replaces *s by a new version and brings the kernel there; returns the number of operations. */
static inline size_t turn(struct bench *b, struct service **s, struct service *next)
{
	struct element_ops ops = ops_of(&b->kernel);

	b->kernel.operations = 0;
	changes_service(b->changes, b->owners, *s, next);
	size_t n = changes_flush(b->changes, &ops);
	assert_int_equal(n, b->kernel.operations);
	service_free(*s);
	*s = next;
	return n;
}

/* The kernel holds what the services ask for, not less and not more. */
static inline void check(struct bench *b, struct service *const *services, size_t count)
{
	struct element_list want = {0};
	struct kernel unused = {0};
	struct element_ops ops = ops_of(&unused);

	for (size_t i = 0; i < count; i++)
		if (services[i] != NULL)
			elements_collect(&want, services[i], b->owners);
	assert_int_equal(elements_reconcile(&want, &b->kernel.list, &ops), 0);
	element_list_fini(&want);
}

static inline bool has(const struct bench *b, const char *line)
{
	char text[ELEMENT_TEXT_BYTES];

	for (size_t i = 0; i < b->kernel.list.count; i++)
		if (strcmp(element_format(&b->kernel.list.items[i], text), line) == 0)
			return true;
	print_message("missing: %s\n", line);
	for (size_t i = 0; i < b->kernel.list.count; i++)
		print_message("  there: %s\n", element_format(&b->kernel.list.items[i], text));
	return false;
}

static inline uint64_t packets_at(const struct bench *b, enum set_id set, uint32_t slot)
{
	for (size_t i = 0; i < b->kernel.list.count; i++)
		if (b->kernel.list.items[i].set == set && b->kernel.list.items[i].slot == slot)
			return b->kernel.list.items[i].packets;
	fail_msg("no such element");
	return 0;
}

#endif
