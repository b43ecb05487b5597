/* Elements of random services, after a restart, and of clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/elements_bench.h"

#define SERVICES 6

/* Services with random addresses that collide often; the kernel must always hold what owners ask for. */
static struct service *random_service(struct bench *b, unsigned which, const struct service *prev)
{
	static const char *const names[SERVICES] = {"a", "b", "c", "d", "e", "f"};
	char cluster_ip[32], external[32], endpoints[256] = "";
	size_t n = 0;

	snprintf(cluster_ip, sizeof cluster_ip, "10.96.0.%d", 1 + rand() % 4);
	snprintf(external, sizeof external, "1.1.1.%d", 1 + rand() % 3);
	struct service_object *o = make_service(b->objects, names[which], cluster_ip);
	o->type = SERVICE_LOAD_BALANCER;
	o->external_policy = rand() % 2 ? POLICY_LOCAL : POLICY_CLUSTER;
	o->client_ip_affinity = rand() % 3 == 0;
	add_port(b->objects, o, "", IPPROTO_TCP, 80, rand() % 2 ? 30080 : 0);
	add_external_ip(b->objects, o, external);
	if (rand() % 2)
		add_ingress(b->objects, o, "1.1.1.1", false);
	if (rand() % 3 == 0)
		add_range(b->objects, o, "203.0.113.0/24");
	for (int i = 1; i < 10; i++)
		if (rand() % 3 == 0)
			n += (size_t)snprintf(endpoints + n, sizeof endpoints - n, "10.0.0.%d%s ", i,
					      i % 2 ? "@here" : "");
	return compile(b, o, endpoints, prev);
}

/* Whole, or a few keys at a time. */
static void change(struct bench *b, const struct service *prev, const struct service *next)
{
	struct element_ops ops = ops_of(&b->kernel);

	if (rand() % 2) {
		changes_service(b->changes, b->owners, prev, next);
		return;
	}
	changes_begin(b->changes, b->owners, prev, next);
	while (changes_some(b->changes, 1 + (size_t)rand() % 8))
		if (rand() % 2)
			changes_flush(b->changes, &ops);
}

static void random_services_random_owners(void **state)
{
	struct bench *b = *state;
	struct element_ops ops = ops_of(&b->kernel);
	struct service *all[SERVICES] = {NULL};
	struct service *dead[8];

	srand(11);
	for (int i = 0; i < 400; i++) {
		unsigned changes = 1 + (unsigned)rand() % 4;
		for (unsigned k = 0; k < changes; k++) {
			unsigned which = (unsigned)rand() % SERVICES;
			struct service *next = rand() % 3 == 0 ? NULL : random_service(b, which, all[which]);
			change(b, all[which], next);
			dead[k] = all[which];
			all[which] = next;
		}
		changes_flush(b->changes, &ops);
		check(b, all, SERVICES);
		for (unsigned k = 0; k < changes; k++)
			service_free(dead[k]);
		arena_reset(b->objects);
	}
	for (unsigned i = 0; i < SERVICES; i++)
		turn(b, &all[i], NULL);
	assert_int_equal(b->kernel.list.count, 0);
}

/* A restart: services compiled anew, with nothing but the kernel's elements, ask for exactly these. */
static void restart_sends_nothing(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	struct slot_restore *restore = slot_restore_new();
	struct element_list want = {0};
	struct element_ops ops = ops_of(&b->kernel);
	struct service *s = NULL;

	o->type = SERVICE_NODE_PORT;
	o->external_policy = POLICY_LOCAL;
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 30080);
	turn(b, &s, compile(b, o, "10.0.0.1@here 10.0.0.2 10.0.0.3@here 10.0.0.4 10.0.0.5 10.0.0.6@here", s));
	turn(b, &s, compile(b, o, "10.0.0.2 10.0.0.3@here 10.0.0.4 10.0.0.5 10.0.0.6@here", s));
	turn(b, &s, compile(b, o, "10.0.0.2 10.0.0.3@here 10.0.0.5 10.0.0.6@here 10.0.0.7@here", s));
	for (size_t i = 0; i < b->kernel.list.count; i++)
		slot_restore_add(restore, &b->kernel.list.items[i]);
	const struct slice_object *slice = make_slice(b->objects, "s", "", IPPROTO_TCP, 8080,
						      "10.0.0.2 10.0.0.3@here 10.0.0.5 10.0.0.6@here 10.0.0.7@here");
	struct compile_input in = {
		.object = o, .slices = &slice, .slice_count = 1, .node = &b->node, .restore = restore};
	struct service *again = service_compile(&in, b->scratch);
	elements_collect(&want, again, NULL);
	assert_int_equal(elements_reconcile(&want, &b->kernel.list, &ops), 0);
	element_list_fini(&want);
	slot_restore_free(restore);
	service_free(again);
	turn(b, &s, NULL);
}

static void stale_affinity(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	struct element e = {.set = SET_AFFINITY, .daddr = ip("10.96.0.1"), .proto = IPPROTO_TCP, .port = 80};
	struct service *s = NULL;

	o->client_ip_affinity = true;
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 0);
	turn(b, &s, compile(b, o, "10.0.0.1 ~10.0.0.2", NULL));
	e.to_port = 8080;
	e.to = ip("10.0.0.1");
	assert_false(elements_affinity_stale(&e, b->owners, false));
	e.to = ip("10.0.0.2"); /* listed, but no longer chosen (k/k#110302) */
	assert_true(elements_affinity_stale(&e, b->owners, false));
	e.to = ip("10.0.0.3");
	assert_true(elements_affinity_stale(&e, b->owners, false));
	e.to = ip("10.0.0.1");
	e.port = 81;
	assert_true(elements_affinity_stale(&e, b->owners, false));
	e.port = 80;
	o->client_ip_affinity = false;
	turn(b, &s, compile(b, o, "10.0.0.1", s));
	assert_true(elements_affinity_stale(&e, b->owners, false));
	o->client_ip_affinity = true;
	o->type = SERVICE_NODE_PORT;
	o->external_policy = POLICY_LOCAL;
	add_external_ip(b->objects, o, "203.0.113.1");
	turn(b, &s, compile(b, o, "10.0.0.1 10.0.0.2@here", s));
	assert_false(elements_affinity_stale(&e, b->owners, true));
	e.daddr = ip("203.0.113.1");
	assert_false(elements_affinity_stale(&e, b->owners, false)); /* a pod's, perhaps */
	assert_true(elements_affinity_stale(&e, b->owners, true));
	e.to = ip("10.0.0.2");
	assert_false(elements_affinity_stale(&e, b->owners, true));
	turn(b, &s, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_services_random_owners, setup, teardown),
		cmocka_unit_test_setup_teardown(restart_sends_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(stale_affinity, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
