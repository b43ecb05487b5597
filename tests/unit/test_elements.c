/* Services to elements, and the operations between two versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/elements_bench.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cluster_ip, setup, teardown),
		cmocka_unit_test_setup_teardown(operation_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(counters_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(split_and_restricted, setup, teardown),
		cmocka_unit_test_setup_teardown(takeover_in_one_turn, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
