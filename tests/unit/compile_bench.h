/* A node and what service_compile needs, for unit tests of compiled services: include after <cmocka.h>. */
#ifndef TESTS_COMPILE_BENCH_H
#define TESTS_COMPILE_BENCH_H

#include <stdlib.h>

#include "base/buf.h"
#include "tests/unit/objects.h"

struct bench {
	struct arena *objects, *scratch;
	struct node_facts node;
	struct addr node_port_addrs[2], node_ips[2];
	struct compile_input in;
	struct service *s; /* of the last compile */
	struct buf text;
};

static inline int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	b->objects = arena_new(4096);
	b->scratch = arena_new(4096);
	b->node_port_addrs[0] = ip("192.168.0.2");
	b->node_port_addrs[1] = ip("2001:db8::2");
	b->node_ips[0] = ip("192.168.0.2");
	b->node = (struct node_facts){
		.name = "here",
		.ip_count = 1,
		.ips = b->node_ips,
		.node_port_addr_count = 2,
		.node_port_addrs = b->node_port_addrs,
	};
	b->in.node = &b->node;
	*state = b;
	return 0;
}

static inline int teardown(void **state)
{
	struct bench *b = *state;

	service_free(b->s);
	arena_free(b->objects);
	arena_free(b->scratch);
	buf_fini(&b->text);
	free(b);
	return 0;
}

/* The one before, which may still be asked while this compiles, is freed. */
static inline struct service *compile(struct bench *b, const struct service_object *o,
				      const struct slice_object **slices, size_t count)
{
	struct service *old = b->s;

	b->in.object = o;
	b->in.slices = slices;
	b->in.slice_count = count;
	b->s = service_compile(&b->in, b->scratch);
	service_free(old);
	return b->s;
}

#endif
