/* Objects to compiled services: frontends, slots, what survives a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <malloc.h>

#include "tests/unit/compile_text.h"

static void cluster_ip(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	const struct slice_object *slice =
		make_slice(b->objects, "web-1", "http", IPPROTO_TCP, 8080, "10.0.0.2 10.0.0.1 !10.0.0.3");

	add_port(b->objects, o, "http", IPPROTO_TCP, 80, 0);
	add_port(b->objects, o, "dns", IPPROTO_UDP, 53, 0);
	const struct service *s = compile(b, o, &slice, 1);
	assert_int_equal(s->port_count, 2);
	assert_string_equal(pool_text(b, &s->ports[0], &s->ports[0].cluster), "10.0.0.1:8080 10.0.0.2:8080");
	assert_int_equal(s->ports[0].cluster.size, 2);
	assert_int_equal(s->ports[0].target_count, 3);
	assert_int_equal(s->frontend_count, 2);
	const struct frontend *f = frontend_at(s, "10.96.0.1", IPPROTO_TCP, 80);
	assert_int_equal(f->kind, FRONTEND_CLUSTER_IP);
	assert_int_equal(f->action, ACTION_BALANCE);
	assert_ptr_equal(f->pool, &s->ports[0].cluster);
	/* No endpoint anywhere: refused. */
	assert_int_equal(frontend_at(s, "10.96.0.1", IPPROTO_UDP, 53)->action, ACTION_REJECT);
}

/* E.4: slices merge by port name and protocol; the number is the slice's own. */
static void slices_merge_by_port_name(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	const struct slice_object *slices[] = {
		make_slice(b->objects, "web-b", "http", IPPROTO_TCP, 8081, "10.0.0.1"),
		make_slice(b->objects, "web-a", "http", IPPROTO_TCP, 8080, "10.0.0.1 10.0.0.2"),
		make_slice(b->objects, "web-c", "http", IPPROTO_UDP, 8080, "10.0.0.7"),
		make_slice(b->objects, "web-d", "admin", IPPROTO_TCP, 8080, "10.0.0.8"),
		make_slice(b->objects, "web-e", "http", IPPROTO_TCP, 8080, "fd00::1"),
	};

	add_port(b->objects, o, "http", IPPROTO_TCP, 80, 0);
	const struct service *s = compile(b, o, slices, 5);
	assert_string_equal(pool_text(b, &s->ports[0], &s->ports[0].cluster),
			    "10.0.0.1:8080 10.0.0.1:8081 10.0.0.2:8080");
}

static void repeats_across_slices(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	const struct slice_object *slices[] = {
		make_slice(b->objects, "z", "", IPPROTO_TCP, 80, "10.0.0.1 !10.0.0.2 ~10.0.0.3 10.0.0.4 !10.0.0.5"),
		make_slice(b->objects, "a", "", IPPROTO_TCP, 80, "~10.0.0.1 10.0.0.2 10.0.0.3 !10.0.0.4 ~10.0.0.5"),
	};
	const struct slice_object *reversed[] = {slices[1], slices[0]};

	add_port(b->objects, o, "", IPPROTO_TCP, 80, 0);
	const struct service *s = compile(b, o, slices, 2);
	/* .1, .3: terminating never counts against another one; .2, .4: ready wins; .5: the one that does not end */
	const char *expected = "10.0.0.1:80 10.0.0.2:80 10.0.0.3:80 10.0.0.4:80";
	assert_string_equal(pool_text(b, &s->ports[0], &s->ports[0].cluster), expected);
	assert_int_equal(s->ports[0].target_count, 5);
	assert_int_equal(s->ports[0].targets[4].flags & (TARGET_READY | TARGET_TERMINATING), 0);
	s = compile(b, o, reversed, 2);
	assert_string_equal(pool_text(b, &s->ports[0], &s->ports[0].cluster), expected);
}

static void every_kind_of_frontend(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	const struct slice_object *slice = make_slice(b->objects, "web-1", "", IPPROTO_TCP, 8080, "10.0.0.1");

	o->type = SERVICE_LOAD_BALANCER;
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 30080);
	add_ingress(b->objects, o, "1.2.3.4", false);
	add_ingress(b->objects, o, "1.2.3.5", true);	  /* ipMode Proxy */
	add_ingress(b->objects, o, "2001:db8::5", false); /* the service has no IPv6 */
	add_external_ip(b->objects, o, "5.6.7.8");
	add_external_ip(b->objects, o, "1.2.3.4"); /* also an ingress address: one frontend */
	const struct service *s = compile(b, o, &slice, 1);
	assert_int_equal(s->frontend_count, 4);
	assert_int_equal(frontend_at(s, "10.96.0.1", IPPROTO_TCP, 80)->kind, FRONTEND_CLUSTER_IP);
	assert_int_equal(frontend_at(s, "1.2.3.4", IPPROTO_TCP, 80)->kind, FRONTEND_LOAD_BALANCER);
	assert_int_equal(frontend_at(s, "5.6.7.8", IPPROTO_TCP, 80)->kind, FRONTEND_EXTERNAL_IP);
	assert_int_equal(frontend_at(s, "192.168.0.2", IPPROTO_TCP, 30080)->kind, FRONTEND_NODE_PORT);
	for (size_t i = 0; i < s->frontend_count; i++)
		assert_false(s->frontends[i].split || s->frontends[i].restricted);
}

static void dual_stack(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "fd00:96::1");
	const struct slice_object *slices[] = {
		make_slice(b->objects, "a", "", IPPROTO_TCP, 8080, "10.0.0.1"),
		make_slice(b->objects, "b", "", IPPROTO_TCP, 8080, "fd00::1"),
	};

	o->cluster_ips[o->cluster_ip_count++] = ip("10.96.0.1");
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 30080);
	const struct service *s = compile(b, o, slices, 2);
	assert_int_equal(s->port_count, 2);
	assert_int_equal(s->ports[0].family, AF_INET6);
	assert_string_equal(pool_text(b, &s->ports[0], &s->ports[0].cluster), "[fd00::1]:8080");
	assert_string_equal(pool_text(b, &s->ports[1], &s->ports[1].cluster), "10.0.0.1:8080");
	assert_int_equal(s->frontend_count, 4);
	assert_ptr_equal(frontend_at(s, "2001:db8::2", IPPROTO_TCP, 30080)->pool, &s->ports[0].cluster);
}

static void slots_survive(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	const struct slice_object *first =
		make_slice(b->objects, "a", "", IPPROTO_TCP, 80, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5");
	const struct slice_object *second =
		make_slice(b->objects, "a", "", IPPROTO_TCP, 80, "10.0.0.1 10.0.0.3 10.0.0.4 10.0.0.5");
	const struct slice_object *third =
		make_slice(b->objects, "a", "", IPPROTO_TCP, 80, "10.0.0.0 10.0.0.1 10.0.0.4 10.0.0.5");

	add_port(b->objects, o, "", IPPROTO_TCP, 80, 0);
	struct service *s = compile(b, o, &first, 1);
	b->in.prev = s;
	b->s = NULL;
	struct service *next = compile(b, o, &second, 1);
	assert_string_equal(pool_text(b, &next->ports[0], &next->ports[0].cluster),
			    "10.0.0.1:80 10.0.0.5:80 10.0.0.3:80 10.0.0.4:80");
	assert_int_equal(next->ports[0].cluster.size, 5);
	service_free(s);
	b->in.prev = s = next;
	b->s = NULL;
	next = compile(b, o, &third, 1);
	assert_string_equal(pool_text(b, &next->ports[0], &next->ports[0].cluster),
			    "10.0.0.1:80 10.0.0.5:80 10.0.0.0:80 10.0.0.4:80");
	service_free(s);
}

static void skipped_services(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", NULL);
	const struct slice_object *slice = make_slice(b->objects, "a", "", IPPROTO_TCP, 80, "10.0.0.1");

	add_port(b->objects, o, "", IPPROTO_TCP, 80, 30080);
	const struct service *s = compile(b, o, &slice, 1);
	assert_false(s->proxied);
	assert_int_equal(s->frontend_count, 0);
	assert_int_equal(s->dns_kind, DNS_CLUSTER_IP);
	o->headless = true;
	s = compile(b, o, &slice, 1);
	assert_false(s->proxied);
	assert_int_equal(s->dns_kind, DNS_HEADLESS);
	assert_int_equal(s->dns_endpoint_count, 1);
	o = make_service(b->objects, "web", "10.96.0.1");
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 30080);
	o->proxy_name = "other";
	s = compile(b, o, &slice, 1);
	assert_false(s->proxied);
	assert_int_equal(s->frontend_count, 0);
	assert_int_equal(s->dns_kind, DNS_CLUSTER_IP);
	assert_int_equal(s->cluster_ip_count, 1);
	o->proxy_name = NULL;
	o->headless_label = true;
	s = compile(b, o, &slice, 1);
	assert_false(s->proxied);
	assert_int_equal(s->dns_kind, DNS_CLUSTER_IP);
	o->type = SERVICE_EXTERNAL_NAME;
	o->external_name = "Example.COM";
	s = compile(b, o, &slice, 1);
	assert_int_equal(s->dns_kind, DNS_EXTERNAL_NAME);
	assert_string_equal(s->external_name, "example.com");
	assert_int_equal(s->cluster_ip_count, 0);
	assert_int_equal(s->dns_endpoint_count, 0);
}

static void kernel_slots_are_kept_after_restart(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	const struct slice_object *slice =
		make_slice(b->objects, "a", "", IPPROTO_TCP, 80, "10.0.0.1@here 10.0.0.2 10.0.0.3@here");
	struct slot_restore *restore = slot_restore_new();
	struct element e = {.set = SET_ENDPOINTS, .daddr = ip("10.96.0.1"), .proto = IPPROTO_TCP, .port = 80};
	const char *held[] = {"10.0.0.3", "10.0.0.9", "10.0.0.1"};

	o->type = SERVICE_NODE_PORT;
	o->external_policy = POLICY_LOCAL;
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 30080);
	for (uint32_t i = 0; i < 3; i++) {
		e.slot = i;
		e.to = ip(held[i]);
		e.to_port = 80;
		slot_restore_add(restore, &e);
	}
	e.set = SET_DISPATCH;
	e.verdict = (struct verdict){.kind = VERDICT_CLUSTER, .size = 8};
	slot_restore_add(restore, &e);
	/* The local pool is only at the node port: slots from 0 there. */
	e = (struct element){
		.set = SET_ENDPOINTS, .daddr = ip("192.168.0.2"), .proto = IPPROTO_TCP, .port = 30080, .to_port = 80};
	e.to = ip("10.0.0.3");
	slot_restore_add(restore, &e);
	b->in.restore = restore;
	const struct service *s = compile(b, o, &slice, 1);
	assert_string_equal(pool_text(b, &s->ports[0], &s->ports[0].cluster), "10.0.0.3:80 10.0.0.2:80 10.0.0.1:80");
	assert_string_equal(pool_text(b, &s->ports[0], &s->ports[0].local), "10.0.0.3:80 10.0.0.1:80");
	/* 3 of 8: too sparse to keep. */
	assert_int_equal(s->ports[0].cluster.size, 3);
	slot_restore_free(restore);
}

/* Bar: all compiled services of 10 000 × 10 in 15 MB. With what the allocator takes. */
static void memory_per_service(void **state)
{
	struct bench *b = *state;
	char name[32], slice_name[48];
	size_t total = 0;

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "service-%05u", i);
		snprintf(slice_name, sizeof slice_name, "%s-abcde", name);
		struct service_object *o = make_service(b->objects, name, "10.96.0.1");
		const struct slice_object *slice =
			make_slice(b->objects, slice_name, "http", IPPROTO_TCP, 8080,
				   "10.244.100.101 10.244.100.102 10.244.100.103 10.244.100.104 10.244.100.105 "
				   "10.244.100.106 10.244.100.107 10.244.100.108 10.244.100.109 10.244.100.110");
		add_port(b->objects, o, "http", IPPROTO_TCP, 80, 0);
		total += malloc_usable_size((void *)compile(b, o, &slice, 1)) + sizeof(size_t);
	}
	print_message("%zu bytes for a service with 10 endpoints\n", total / 1000);
	assert_true(total / 1000 <= 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cluster_ip, setup, teardown),
		cmocka_unit_test_setup_teardown(slices_merge_by_port_name, setup, teardown),
		cmocka_unit_test_setup_teardown(repeats_across_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(every_kind_of_frontend, setup, teardown),
		cmocka_unit_test_setup_teardown(dual_stack, setup, teardown),
		cmocka_unit_test_setup_teardown(slots_survive, setup, teardown),
		cmocka_unit_test_setup_teardown(skipped_services, setup, teardown),
		cmocka_unit_test_setup_teardown(kernel_slots_are_kept_after_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_per_service, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
