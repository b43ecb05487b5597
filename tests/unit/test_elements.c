#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "objects.h"
#include "proxy/elements.h"

/* The kernel as far as elements go: refuses what the real one refuses. */
struct kernel {
	struct element_list list;
	struct element_list leaving; /* deleted in the transaction at hand */
	size_t operations;
};

static void kernel_del(void *ctx, const struct element *e)
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

static void kernel_add(void *ctx, const struct element *e)
{
	struct kernel *k = ctx;

	k->operations++;
	for (size_t i = 0; i < k->list.count; i++)
		assert_false(element_same_key(&k->list.items[i], e));
	element_list_add(&k->list, e);
}

static bool kernel_count(void *ctx, struct element *e)
{
	const struct kernel *k = ctx;

	for (size_t i = k->leaving.count; i-- > 0;)
		if (element_equal(&k->leaving.items[i], e)) {
			*e = k->leaving.items[i];
			return true;
		}
	return false;
}

static struct element_ops ops_of(struct kernel *k)
{
	return (struct element_ops){.ctx = k, .del = kernel_del, .add = kernel_add, .count = kernel_count};
}

struct bench {
	struct arena *objects, *scratch;
	struct addr node_port_addr;
	struct node_view node;
	struct owners *owners;
	struct changes *changes;
	struct kernel kernel;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	b->objects = arena_new(4096);
	b->scratch = arena_new(4096);
	b->node_port_addr = ip("192.168.0.2");
	b->node = (struct node_view){.name = "here", .node_port_addr_count = 1, .node_port_addrs = &b->node_port_addr};
	b->owners = owners_new(NULL, NULL);
	b->changes = changes_new();
	*state = b;
	return 0;
}

static int teardown(void **state)
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

static struct service *compile(struct bench *b, const struct service_object *o, const char *endpoints,
			       const struct service *prev)
{
	const struct slice_object *slice = make_slice(b->objects, "s", "", IPPROTO_TCP, 8080, endpoints);
	struct compile_input in = {.object = o, .slices = &slice, .slice_count = 1, .node = &b->node, .prev = prev};

	return service_compile(&in, b->scratch);
}

/* Replaces *s by a new version and brings the kernel there; returns the number of operations. */
static size_t turn(struct bench *b, struct service **s, struct service *next)
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
static void check(struct bench *b, struct service *const *services, size_t count)
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

static bool has(const struct bench *b, const char *line)
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

static void cluster_ip(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	struct service *s = NULL;

	add_port(b->objects, o, "", IPPROTO_TCP, 80, 0);
	turn(b, &s, compile(b, o, "10.0.0.1 10.0.0.2 10.0.0.3", NULL));
	assert_int_equal(b->kernel.list.count, 5);
	assert_true(has(b, "dispatch4 { 10.96.0.1 . tcp . 80 : goto cluster4-3 }"));
	assert_true(has(b, "endpoints4 { 10.96.0.1 . tcp . 80 . 2 : 10.0.0.3 . 8080 }"));
	assert_true(has(b, "cluster-ips4 { 10.96.0.1 }"));
	turn(b, &s, compile(b, o, "", s));
	assert_int_equal(b->kernel.list.count, 2);
	turn(b, &s, NULL);
	assert_int_equal(b->kernel.list.count, 0);
}

/* The engine's bars: one endpoint added or replaced ≤ 3 operations, nothing changed: none. */
static void operation_counts(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	struct service *s = NULL;

	add_port(b->objects, o, "", IPPROTO_TCP, 80, 0);
	turn(b, &s, compile(b, o, "10.0.0.1 10.0.0.2", NULL));
	assert_int_equal(turn(b, &s, compile(b, o, "10.0.0.1 10.0.0.3", s)), 2); /* replaced */
	assert_int_equal(turn(b, &s, compile(b, o, "10.0.0.3 10.0.0.1", s)), 0); /* other order */
	assert_int_equal(turn(b, &s, compile(b, o, "10.0.0.1 10.0.0.3 !10.0.0.9", s)), 0);
	assert_int_equal(turn(b, &s, compile(b, o, "10.0.0.1 10.0.0.2 10.0.0.3", s)), 3); /* slot, and S: 2 → 3 */
	assert_int_equal(turn(b, &s, compile(b, o, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4", s)), 3);
	assert_int_equal(turn(b, &s, compile(b, o, "10.0.0.1 10.0.0.2 10.0.0.4", s)), 3); /* hole filled by the last */
	turn(b, &s, NULL);
}

static uint64_t packets_at(const struct bench *b, enum set_id set, uint32_t slot)
{
	for (size_t i = 0; i < b->kernel.list.count; i++)
		if (b->kernel.list.items[i].set == set && b->kernel.list.items[i].slot == slot)
			return b->kernel.list.items[i].packets;
	fail_msg("no such element");
	return 0;
}

/* A frontend's counter goes on when its verdict changes; a slot's new endpoint starts from nothing. */
static void counters_go_on(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	struct service *s = NULL;

	add_port(b->objects, o, "", IPPROTO_TCP, 80, 0);
	turn(b, &s, compile(b, o, "10.0.0.1 10.0.0.2", NULL));
	for (size_t i = 0; i < b->kernel.list.count; i++)
		b->kernel.list.items[i].packets = 7;
	turn(b, &s, compile(b, o, "10.0.0.1 10.0.0.3 10.0.0.4", s));
	assert_true(has(b, "dispatch4 { 10.96.0.1 . tcp . 80 : goto cluster4-3 }"));
	assert_int_equal(packets_at(b, SET_DISPATCH, 0), 7);
	assert_int_equal(packets_at(b, SET_ENDPOINTS, 0), 7);
	assert_int_equal(packets_at(b, SET_ENDPOINTS, 1), 0);
	turn(b, &s, NULL);
}

static void split_and_restricted(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	struct service *s = NULL;

	o->type = SERVICE_LOAD_BALANCER;
	o->external_policy = POLICY_LOCAL;
	o->client_ip_affinity = true;
	o->affinity_timeout_s = 600;
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 0);
	add_ingress(b->objects, o, "1.2.3.4", false);
	add_range(b->objects, o, "203.0.113.0/24");
	turn(b, &s, compile(b, o, "10.0.0.1@here 10.0.0.2@there", NULL));
	assert_true(has(b, "dispatch4 { 1.2.3.4 . tcp . 80 : return }"));
	assert_true(has(b, "restricted4 { 1.2.3.4 . tcp . 80 }"));
	assert_true(has(b, "allowed-sources4 { 1.2.3.4 . tcp . 80 . 203.0.113.0/24 }"));
	assert_true(has(b, "endpoints4 { 1.2.3.4 . tcp . 80 . 0 : 10.0.0.1 . 8080 }"));
	assert_true(has(b, "internal-endpoints4 { 1.2.3.4 . tcp . 80 . 0 : 10.0.0.1 . 8080 }"));
	assert_true(has(b, "internal-endpoints4 { 1.2.3.4 . tcp . 80 . 1 : 10.0.0.2 . 8080 }"));
	turn(b, &s, compile(b, o, "10.0.0.2@there", s));
	assert_true(has(b, "local4 { 1.2.3.4 . tcp . 80 : drop }"));
	turn(b, &s, compile(b, o, "", s));
	assert_true(has(b, "source-ranges4 { 1.2.3.4 . tcp . 80 : goto refuse }"));
	check(b, &s, 1);
	turn(b, &s, NULL);
	assert_int_equal(b->kernel.list.count, 0);
}

/* An address passes between services inside one turn: every key is touched at most once each way. */
static void takeover_in_one_turn(void **state)
{
	struct bench *b = *state;
	struct element_ops ops = ops_of(&b->kernel);
	struct service_object *oa = make_service(b->objects, "a", "10.96.0.1");
	struct service_object *ob = make_service(b->objects, "b", "10.96.0.2");

	add_port(b->objects, oa, "", IPPROTO_TCP, 80, 0);
	add_port(b->objects, ob, "", IPPROTO_TCP, 80, 0);
	add_external_ip(b->objects, oa, "1.1.1.1");
	add_external_ip(b->objects, ob, "1.1.1.1");
	struct service *sa = compile(b, oa, "10.0.0.1", NULL), *sb = compile(b, ob, "10.0.0.2", NULL);
	changes_service(b->changes, b->owners, NULL, sb);
	changes_service(b->changes, b->owners, NULL, sa);
	changes_flush(b->changes, &ops);
	assert_true(has(b, "endpoints4 { 1.1.1.1 . tcp . 80 . 0 : 10.0.0.1 . 8080 }"));
	check(b, (struct service *[]){sa, sb}, 2);
	/* a leaves, b takes over, b leaves too: nothing of 1.1.1.1 stays. */
	changes_service(b->changes, b->owners, sa, NULL);
	changes_service(b->changes, b->owners, sb, NULL);
	changes_flush(b->changes, &ops);
	assert_int_equal(b->kernel.list.count, 0);
	/* Deleted and made again in one turn: no operation. */
	changes_service(b->changes, b->owners, NULL, sa);
	changes_flush(b->changes, &ops);
	changes_service(b->changes, b->owners, sa, NULL);
	changes_service(b->changes, b->owners, NULL, sa);
	assert_int_equal(changes_flush(b->changes, &ops), 0);
	service_free(sa);
	service_free(sb);
}

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
			changes_service(b->changes, b->owners, all[which], next);
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
		cmocka_unit_test_setup_teardown(cluster_ip, setup, teardown),
		cmocka_unit_test_setup_teardown(operation_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(counters_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(split_and_restricted, setup, teardown),
		cmocka_unit_test_setup_teardown(takeover_in_one_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(random_services_random_owners, setup, teardown),
		cmocka_unit_test_setup_teardown(restart_sends_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(stale_affinity, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
