/* Traffic policies and source ranges of compiled services. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <malloc.h>

#include "tests/unit/compile_text.h"

static void external_policy_local(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	const struct slice_object *slice =
		make_slice(b->objects, "a", "", IPPROTO_TCP, 8080, "10.0.0.1@here 10.0.0.1@here 10.0.0.2@there");
	const struct slice_object *remote = make_slice(b->objects, "a", "", IPPROTO_TCP, 8080, "10.0.0.2@there");

	o->type = SERVICE_LOAD_BALANCER;
	o->external_policy = POLICY_LOCAL;
	o->health_check_node_port = 32000;
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 30080);
	const struct service *s = compile(b, o, &slice, 1);
	const struct frontend *f = frontend_at(s, "192.168.0.2", IPPROTO_TCP, 30080);
	assert_true(f->split);
	assert_ptr_equal(f->pool, &s->ports[0].local);
	assert_ptr_equal(f->internal, &s->ports[0].cluster);
	assert_string_equal(pool_text(b, &s->ports[0], f->pool), "10.0.0.1:8080");
	assert_string_equal(pool_text(b, &s->ports[0], f->internal), "10.0.0.1:8080 10.0.0.2:8080");
	assert_false(frontend_at(s, "10.96.0.1", IPPROTO_TCP, 80)->split);
	assert_int_equal(s->health_check_node_port, 32000);
	assert_int_equal(s->local_ready_addrs[0], 1);
	/* No local endpoint: dropped outside, served inside. */
	s = compile(b, o, &remote, 1);
	f = frontend_at(s, "192.168.0.2", IPPROTO_TCP, 30080);
	assert_int_equal(f->action, ACTION_DROP);
	assert_null(f->pool);
	assert_string_equal(pool_text(b, &s->ports[0], f->internal), "10.0.0.2:8080");
	assert_int_equal(s->local_ready_addrs[0], 0);
	/* No endpoint at all: refused for everyone. */
	s = compile(b, o, NULL, 0);
	f = frontend_at(s, "192.168.0.2", IPPROTO_TCP, 30080);
	assert_int_equal(f->action, ACTION_REJECT);
	assert_false(f->split);
}

/* Of an endpoint in two slices the one counts that gets the connections: what is left is not ready. */
static void health_check_counts_merged_endpoints(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	struct slice_object *leaving = make_slice(b->objects, "a", "", IPPROTO_TCP, 8080, "10.0.0.1@here");
	struct endpoint_object both = leaving->endpoints[0]; /* as publishNotReadyAddresses makes them */
	const struct slice_object *slices[] = {
		leaving,
		make_slice(b->objects, "b", "", IPPROTO_TCP, 8080, "!10.0.0.1@here"),
		make_slice(b->objects, "c", "more", IPPROTO_TCP, 8080, "10.0.0.2@here"),
		make_slice(b->objects, "d", "more", IPPROTO_TCP, 8080, "fd00::1@here fd00::2@here fd00::3@there"),
	};

	both.terminating = true;
	leaving->endpoints = &both;
	o->type = SERVICE_LOAD_BALANCER;
	o->external_policy = POLICY_LOCAL;
	o->health_check_node_port = 32000;
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 30080);
	assert_int_equal(compile(b, o, slices, 1)->local_ready_addrs[0], 1);
	assert_int_equal(compile(b, o, slices, 2)->local_ready_addrs[0], 0);
	/* As in kube-proxy other ports of the slices count too, and the same address once. */
	assert_int_equal(compile(b, o, slices, 4)->local_ready_addrs[0], 1);
	assert_int_equal(compile(b, o, slices, 4)->local_ready_addrs[1], 2);
}

static void internal_policy_local(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	const struct slice_object *slice =
		make_slice(b->objects, "a", "", IPPROTO_TCP, 8080, "10.0.0.1@here 10.0.0.2@there");
	const struct slice_object *remote = make_slice(b->objects, "a", "", IPPROTO_TCP, 8080, "10.0.0.2@there");

	o->internal_policy = POLICY_LOCAL;
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 30080);
	const struct service *s = compile(b, o, &slice, 1);
	assert_ptr_equal(frontend_at(s, "10.96.0.1", IPPROTO_TCP, 80)->pool, &s->ports[0].local);
	assert_ptr_equal(frontend_at(s, "192.168.0.2", IPPROTO_TCP, 30080)->pool, &s->ports[0].cluster);
	s = compile(b, o, &remote, 1);
	assert_int_equal(frontend_at(s, "10.96.0.1", IPPROTO_TCP, 80)->action, ACTION_DROP);
	assert_int_equal(frontend_at(s, "192.168.0.2", IPPROTO_TCP, 30080)->action, ACTION_BALANCE);
}

static const char *ranges_text(struct bench *b, const struct service *s)
{
	char text[CIDR_TEXT_BYTES];

	buf_clear(&b->text);
	buf_puts(&b->text, "");
	for (size_t i = 0; i < s->source_range_count; i++)
		buf_printf(&b->text, "%s%s", i != 0 ? " " : "", cidr_format(&s->source_ranges[i], text));
	return b->text.data;
}

static void source_ranges(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "web", "10.96.0.1");
	const struct slice_object *slice = make_slice(b->objects, "a", "", IPPROTO_TCP, 8080, "10.0.0.1");

	o->type = SERVICE_LOAD_BALANCER;
	add_port(b->objects, o, "", IPPROTO_TCP, 80, 30080);
	add_ingress(b->objects, o, "1.2.3.4", false);
	add_range(b->objects, o, "2001:db8::/32");
	assert_false(frontend_at(compile(b, o, &slice, 1), "1.2.3.4", IPPROTO_TCP, 80)->restricted);
	add_range(b->objects, o, "203.0.113.0/25");
	add_range(b->objects, o, "203.0.113.64/26"); /* inside the one before */
	const struct service *s = compile(b, o, &slice, 1);
	assert_true(frontend_at(s, "1.2.3.4", IPPROTO_TCP, 80)->restricted);
	assert_false(frontend_at(s, "192.168.0.2", IPPROTO_TCP, 30080)->restricted);
	assert_false(frontend_at(s, "10.96.0.1", IPPROTO_TCP, 80)->restricted);
	assert_string_equal(ranges_text(b, s), "203.0.113.0/25");
	/* One with another address of the node says nothing. */
	b->node_ips[1] = ip("203.0.113.1");
	b->node.ip_count = 2;
	assert_string_equal(ranges_text(b, compile(b, o, &slice, 1)), "203.0.113.0/25");
	/* A range holds the node's address: the load balancer's address itself may come. */
	add_range(b->objects, o, "192.168.0.0/24");
	assert_string_equal(ranges_text(b, compile(b, o, &slice, 1)), "1.2.3.4/32 192.168.0.0/24 203.0.113.0/25");
	o->source_ranges_everywhere = true;
	s = compile(b, o, &slice, 1);
	assert_true(frontend_at(s, "192.168.0.2", IPPROTO_TCP, 30080)->restricted);
	assert_true(frontend_at(s, "10.96.0.1", IPPROTO_TCP, 80)->restricted);
	/* Everyone is no filter. */
	add_range(b->objects, o, "0.0.0.0/0");
	s = compile(b, o, &slice, 1);
	assert_false(frontend_at(s, "1.2.3.4", IPPROTO_TCP, 80)->restricted);
	assert_int_equal(s->source_range_count, 0);
}

/* The rules of the cluster DNS are for when this process does not answer: they lead to others, where there are any. */
static void steered_dns_leads_to_others(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "kube-dns", "10.96.0.10");
	const struct own_socket own = {ip("192.168.0.2"), IPPROTO_UDP, 53};
	const struct addr given = ip("10.96.0.10"), other = ip("10.96.0.11");
	const struct node_facts *before = b->in.node;
	struct node_facts node = *before;
	const struct slice_object *both =
		make_slice(b->objects, "a", "", IPPROTO_UDP, 53, "192.168.0.2@here 192.168.0.3@there");
	const struct slice_object *alone = make_slice(b->objects, "a", "", IPPROTO_UDP, 53, "192.168.0.2@here");
	const struct {
		struct steered_dns steered;
		const struct slice_object *slice;
		const char *ns, *pool;
	} cases[] = {
		{{.on = true}, both, "kube-system", "192.168.0.3:53"},
		{{.on = true}, alone, "kube-system", "192.168.0.2:53"},
		{{.on = false}, both, "kube-system", "192.168.0.2:53 192.168.0.3:53"},
		{{.on = true}, both, "default", "192.168.0.2:53 192.168.0.3:53"},
		{{.on = true, .count = 1, .addrs = &given}, both, "default", "192.168.0.3:53"},
		{{.on = true, .count = 1, .addrs = &other}, both, "kube-system", "192.168.0.2:53 192.168.0.3:53"},
	};

	add_port(b->objects, o, "", IPPROTO_UDP, 53, 0);
	node.addresses.own = &own;
	node.addresses.own_count = 1;
	b->in.node = &node;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		o->object.ns = cases[i].ns;
		node.steered = cases[i].steered;
		const struct slice_object *slice = cases[i].slice;
		const struct service *s = compile(b, o, &slice, 1);
		assert_string_equal(pool_text(b, &s->ports[0], &s->ports[0].cluster), cases[i].pool);
	}
	b->in.node = before;
}

/* --dns-local-address is one more ClusterIP of the cluster DNS, and of no other Service. */
static void local_dns_address(void **state)
{
	struct bench *b = *state;
	struct service_object *o = make_service(b->objects, "kube-dns", "10.96.0.10");
	const struct slice_object *slice = make_slice(b->objects, "a", "", IPPROTO_UDP, 53, "10.0.0.1@there");
	const struct addr local[] = {ip("169.254.20.10"), ip("fd00::53")};
	const struct node_facts *before = b->in.node;
	struct node_facts node = *before;

	add_port(b->objects, o, "", IPPROTO_UDP, 53, 0);
	node.steered = (struct steered_dns){.local_count = 2, .local = local};
	b->in.node = &node;
	o->object.ns = "kube-system";
	const struct service *s = compile(b, o, &slice, 1);
	assert_int_equal(s->frontend_count, 2); /* the Service has no IPv6 */
	const struct frontend *f = frontend_at(s, "169.254.20.10", IPPROTO_UDP, 53);
	assert_string_equal(pool_text(b, &s->ports[0], f->pool), "10.0.0.1:53");
	assert_int_equal(s->cluster_ip_count, 1);
	o->object.ns = "default";
	assert_int_equal(compile(b, o, &slice, 1)->frontend_count, 1);
	b->in.node = before;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(external_policy_local, setup, teardown),
		cmocka_unit_test_setup_teardown(health_check_counts_merged_endpoints, setup, teardown),
		cmocka_unit_test_setup_teardown(internal_policy_local, setup, teardown),
		cmocka_unit_test_setup_teardown(source_ranges, setup, teardown),
		cmocka_unit_test_setup_teardown(steered_dns_leads_to_others, setup, teardown),
		cmocka_unit_test_setup_teardown(local_dns_address, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
