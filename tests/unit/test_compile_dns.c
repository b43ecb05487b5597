/* The DNS half of compiled services: labels, ports, what the digest sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/compile_bench.h"

static void dns_labels(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "db", NULL);
	struct slice_object *v4 = make_slice(b->objects, "a", "sql", IPPROTO_TCP, 3306, "10.0.0.2 10.0.0.1 !10.0.0.3");
	struct slice_object *v6 = make_slice(b->objects, "b", "sql", IPPROTO_TCP, 3306, "2001:db8:: fd00::2");
	const struct slice_object *slices[] = {v4, v6};
	struct endpoint_object *e = (struct endpoint_object *)v4->endpoints;
	struct endpoint_object *f = (struct endpoint_object *)v6->endpoints;

	o->headless = true;
	e[0].extra = &(struct endpoint_extra){.hostname = "DB-0"};
	e[1].pod_name = "pod-1";
	e[2].extra = &(struct endpoint_extra){.hostname = "DB-2"};
	f[1].extra = &(struct endpoint_extra){.hostname = "db-0"};
	const struct service *s = compile(b, o, slices, 2);
	assert_int_equal(s->dns_endpoint_count, 4);
	assert_string_equal(s->dns_endpoints[0].label, "10-0-0-1");
	assert_string_equal(s->dns_endpoints[1].label, "2001-db8--0");
	assert_string_equal(s->dns_endpoints[2].label, "db-0");
	assert_int_equal(s->dns_endpoints[2].addr.family, AF_INET);
	assert_string_equal(s->dns_endpoints[3].label, "db-0");
	assert_int_equal(s->dns_endpoints[3].addr.family, AF_INET6);
	assert_int_equal(s->dns_not_ready, 1);
	assert_int_equal(s->dns_waiting_count, 1);
	assert_string_equal(s->dns_waiting[0], "db-2");
	/* Equal ports of slices are held once. */
	assert_int_equal(s->dns_port_count, 1);
	assert_int_equal(s->dns_service_ports, 0);
	assert_string_equal(s->dns_ports[s->dns_endpoints[3].ports_at].name, "sql");
	b->in.endpoint_pod_names = true;
	s = compile(b, o, slices, 2);
	assert_string_equal(s->dns_endpoints[3].label, "pod-1");
	e[1].pod_name = "pod.with.dots";
	s = compile(b, o, slices, 2);
	assert_string_equal(s->dns_endpoints[0].label, "10-0-0-1");
}

static void dns_digest_sees_what_clients_see(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	const struct slice_object *one = make_slice(b->objects, "a", "http", IPPROTO_TCP, 80, "10.0.0.1 !10.0.0.2");
	const struct slice_object *same = make_slice(b->objects, "z", "http", IPPROTO_TCP, 80, "10.0.0.1@there");
	const struct slice_object *more = make_slice(b->objects, "a", "http", IPPROTO_TCP, 80, "10.0.0.1 10.0.0.2");
	const struct slice_object *port = make_slice(b->objects, "a", "http", IPPROTO_TCP, 81, "10.0.0.1");

	add_port(b->objects, o, "http", IPPROTO_TCP, 80, 0);
	uint64_t digest = compile(b, o, &one, 1)->dns_digest;
	assert_true(compile(b, o, &same, 1)->dns_digest == digest);
	assert_false(compile(b, o, &more, 1)->dns_digest == digest);
	assert_false(compile(b, o, &port, 1)->dns_digest == digest);
	add_port(b->objects, o, "https", IPPROTO_TCP, 443, 0);
	assert_false(compile(b, o, &one, 1)->dns_digest == digest);
	/* The Service's own ports come first and are the ones for its SRV. */
	assert_int_equal(b->s->dns_service_ports, 2);
}

static void two_slices_two_ports_one_label(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", NULL);
	const struct slice_object *slices[] = {
		make_slice(b->objects, "a", "http", IPPROTO_TCP, 80, "10.0.0.1"),
		make_slice(b->objects, "b", "https", IPPROTO_TCP, 443, "10.0.0.1"),
		make_slice(b->objects, "c", "https", IPPROTO_TCP, 443, "10.0.0.1"), /* says it again */
	};

	o->headless = true;
	const struct service *s = compile(b, o, slices, 3);
	assert_int_equal(s->dns_endpoint_count, 2);
	assert_string_equal(s->dns_endpoints[0].label, s->dns_endpoints[1].label);
	assert_int_not_equal(s->dns_endpoints[0].ports_at, s->dns_endpoints[1].ports_at);
}

/* More addresses of one endpoint are DNS's only; without a hostname each has its own label. */
static void every_address_is_served(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	struct slice_object *slice = make_slice(b->objects, "a", "", IPPROTO_TCP, 80, "10.0.0.1");
	struct endpoint_object *e = (struct endpoint_object *)slice->endpoints;
	struct addr more[] = {ip("10.0.0.2"), ip("10.0.0.3")};
	const struct slice_object *slices[] = {slice};

	add_port(b->objects, o, "", IPPROTO_TCP, 80, 0);
	e->extra = &(struct endpoint_extra){.more_addr_count = 2, .more_addrs = more};
	const struct service *s = compile(b, o, slices, 1);
	assert_int_equal(s->dns_endpoint_count, 3);
	assert_string_equal(s->dns_endpoints[2].label, "10-0-0-3");
	assert_int_equal(s->ports[0].target_count, 1);
	e->extra = &(struct endpoint_extra){.hostname = "web-0", .more_addr_count = 2, .more_addrs = more};
	s = compile(b, o, slices, 1);
	assert_int_equal(s->dns_endpoint_count, 3);
	assert_string_equal(s->dns_endpoints[0].label, "web-0");
	assert_string_equal(s->dns_endpoints[2].label, "web-0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(dns_labels, setup, teardown),
		cmocka_unit_test_setup_teardown(dns_digest_sees_what_clients_see, setup, teardown),
		cmocka_unit_test_setup_teardown(two_slices_two_ports_one_label, setup, teardown),
		cmocka_unit_test_setup_teardown(every_address_is_served, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
