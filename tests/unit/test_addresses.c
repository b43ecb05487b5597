/* The host's addresses from rtnetlink messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "objects.h"
#include "proxy/address_notes.h"
#include "proxy/elements.h"
#include "service/addresses.h"

static struct addr host[2];
static struct cidr range;
static struct needed_addr needed[2];
static struct own_socket own[3];

/* A node at 192.168.0.2 and fd00::2, that serves DNS at 10.96.0.10 and pages on ports of all addresses. */
static struct address_rules rules_of(const struct external_ips *external)
{
	host[0] = ip("192.168.0.2");
	host[1] = ip("fd00::2");
	assert_true(cidr_parse(&range, "10.96.0.0/12"));
	needed[0] = (struct needed_addr){ip("192.168.0.9"), ADDRESS_API_SERVER};
	needed[1] = (struct needed_addr){ip("192.168.0.1"), ADDRESS_NAME_SERVER};
	own[0] = (struct own_socket){ip("10.96.0.10"), IPPROTO_UDP, 53};
	own[1] = (struct own_socket){ip("0.0.0.0"), IPPROTO_TCP, 10256};
	own[2] = (struct own_socket){ip("::"), IPPROTO_TCP, 10249};
	return (struct address_rules){.host_count = 2,
				      .host = host,
				      .service_cidr_count = 1,
				      .service_cidrs = &range,
				      .needed_count = 2,
				      .needed = needed,
				      .own_count = 3,
				      .own = own,
				      .external = external};
}

static enum address_fault check(const struct external_ips *external, enum frontend_kind kind, bool balancer,
				const char *addr)
{
	const struct address_rules rules = rules_of(external);
	const struct addr a = ip(addr);

	return address_check(&rules, kind, balancer, &a);
}

/* Every kind of address that the node needs, as each kind of claim: {as ClusterIP, by status, external}. */
static void what_the_node_needs(void **state)
{
	static const struct {
		const char *addr;
		enum address_fault cluster_ip, balancer, status_only, external;
	} cases[] = {
		{"203.0.113.1", ADDRESS_FINE, ADDRESS_FINE, ADDRESS_FINE, ADDRESS_FINE},
		{"2001:db8::1", ADDRESS_FINE, ADDRESS_FINE, ADDRESS_FINE, ADDRESS_FINE},
		{"127.0.0.1", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"127.8.8.8", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"::1", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"0.0.0.0", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"::", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"169.254.169.254", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"fe80::1", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"224.0.0.251", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"239.1.2.3", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"ff02::1", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"255.255.255.255", ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL, ADDRESS_SPECIAL},
		{"10.96.0.1", ADDRESS_FINE, ADDRESS_SERVICE_RANGE, ADDRESS_SERVICE_RANGE, ADDRESS_SERVICE_RANGE},
		{"10.111.255.255", ADDRESS_FINE, ADDRESS_SERVICE_RANGE, ADDRESS_SERVICE_RANGE, ADDRESS_SERVICE_RANGE},
		{"10.96.0.10", ADDRESS_SHARED, ADDRESS_SERVICE_RANGE, ADDRESS_SERVICE_RANGE, ADDRESS_SERVICE_RANGE},
		{"192.168.0.2", ADDRESS_SHARED, ADDRESS_FINE, ADDRESS_NODE, ADDRESS_NODE},
		{"fd00::2", ADDRESS_SHARED, ADDRESS_FINE, ADDRESS_NODE, ADDRESS_NODE},
		{"192.168.0.9", ADDRESS_FINE, ADDRESS_FINE, ADDRESS_API_SERVER, ADDRESS_API_SERVER},
		{"192.168.0.1", ADDRESS_FINE, ADDRESS_FINE, ADDRESS_NAME_SERVER, ADDRESS_NAME_SERVER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *addr = cases[i].addr;
		print_message("%s\n", addr);
		assert_int_equal(check(NULL, FRONTEND_CLUSTER_IP, false, addr), cases[i].cluster_ip);
		assert_int_equal(check(NULL, FRONTEND_LOAD_BALANCER, true, addr), cases[i].balancer);
		assert_int_equal(check(NULL, FRONTEND_LOAD_BALANCER, false, addr), cases[i].status_only);
		assert_int_equal(check(NULL, FRONTEND_EXTERNAL_IP, true, addr), cases[i].external);
		assert_int_equal(check(NULL, FRONTEND_NODE_PORT, true, addr), ADDRESS_FINE);
	}
}

static void operators_choose(void **state)
{
	struct external_ips e;
	char error[ERROR_BYTES];

	(void)state;
	assert_true(external_ips_parse(&e, "none", error));
	assert_int_equal(check(&e, FRONTEND_EXTERNAL_IP, false, "203.0.113.1"), ADDRESS_NOT_ALLOWED);
	assert_int_equal(check(&e, FRONTEND_LOAD_BALANCER, true, "203.0.113.1"), ADDRESS_FINE);
	assert_true(external_ips_parse(&e, "203.0.113.0/24, 192.168.0.2/32 ,fd00::/8,127.0.0.0/8,10.0.0.0/8", error));
	assert_int_equal(e.cidr_count, 5);
	assert_int_equal(check(&e, FRONTEND_EXTERNAL_IP, false, "203.0.113.1"), ADDRESS_FINE);
	assert_int_equal(check(&e, FRONTEND_EXTERNAL_IP, false, "203.0.114.1"), ADDRESS_NOT_ALLOWED);
	/* The operator answers for addresses of nodes, but nothing allows these. */
	assert_int_equal(check(&e, FRONTEND_EXTERNAL_IP, false, "192.168.0.2"), ADDRESS_FINE);
	assert_int_equal(check(&e, FRONTEND_EXTERNAL_IP, false, "fd00::2"), ADDRESS_FINE);
	assert_int_equal(check(&e, FRONTEND_EXTERNAL_IP, false, "127.0.0.1"), ADDRESS_SPECIAL);
	assert_int_equal(check(&e, FRONTEND_EXTERNAL_IP, false, "10.96.0.1"), ADDRESS_SERVICE_RANGE);
	assert_true(external_ips_parse(&e, "all", error));
	assert_int_equal(check(&e, FRONTEND_EXTERNAL_IP, false, "203.0.114.1"), ADDRESS_FINE);
	assert_true(external_ips_parse(&e, "", error));
	assert_false(e.none);
	assert_false(external_ips_parse(&e, "all,10.0.0.0/8", error));
	assert_string_equal(error, "\"all\" is neither all, none nor an address or CIDR such as 203.0.113.0/24");
	assert_true(external_ips_parse(&e, "10.0.0.1,fd00::2", error)); /* status.hostIPs */
	assert_int_equal(e.cidrs[1].prefix, 128);
	assert_false(external_ips_parse(&e, "10.0.0.0/8,", error));
}

static bool is_own(const char *addr, uint8_t proto, uint16_t port)
{
	const struct address_rules rules = rules_of(NULL);
	const struct frontend_key key = {.addr = ip(addr), .proto = proto, .port = port};

	return address_is_own(&rules, &key);
}

static void own_sockets(void **state)
{
	(void)state;
	assert_true(is_own("10.96.0.10", IPPROTO_UDP, 53));
	assert_false(is_own("10.96.0.10", IPPROTO_TCP, 53));
	assert_false(is_own("10.96.0.11", IPPROTO_UDP, 53));
	assert_true(is_own("192.168.0.2", IPPROTO_TCP, 10256));
	assert_false(is_own("fd00::2", IPPROTO_TCP, 10256)); /* 0.0.0.0 is IPv4 only */
	assert_true(is_own("192.168.0.2", IPPROTO_TCP, 10249));
	assert_true(is_own("fd00::2", IPPROTO_TCP, 10249));
	assert_false(is_own("203.0.113.1", IPPROTO_TCP, 10256)); /* not of this node */
}

static struct service *compile(struct service_object *o, const struct slice_object *slice)
{
	struct arena *scratch = arena_new(4096);
	const struct addr node_addr = ip("192.168.0.2");
	struct node_facts node = {
		.name = "here", .node_port_addr_count = 1, .node_port_addrs = &node_addr, .addresses = rules_of(NULL)};
	struct compile_input in = {.object = o, .node = &node, .slice_count = slice != NULL, .slices = &slice};
	struct service *s = service_compile(&in, scratch);

	arena_free(scratch);
	return s;
}

static void expect_elements(const struct service *s, const char *wanted)
{
	struct element_list list = {0};
	struct buf text = {0};
	char line[ELEMENT_TEXT_BYTES];

	elements_collect(&list, s, NULL);
	element_list_sort(&list);
	for (size_t i = 0; i < list.count; i++)
		buf_printf(&text, "%s\n", element_format(&list.items[i], line));
	assert_string_equal(text.data != NULL ? text.data : "", wanted);
	buf_fini(&text);
	element_list_fini(&list);
}

static void expect_notes(const struct service *s, const char *wanted)
{
	struct buf text = {0};

	for (size_t i = 0; i < s->note_count; i++) {
		address_note_format(&text, &s->notes[i]);
		buf_puts(&text, "\n");
	}
	assert_string_equal(text.data != NULL ? text.data : "", wanted);
	buf_fini(&text);
}

/* A lab's Service at the gateway's address: ssh and DNS of the gateway are not refused. */
static void cluster_ip_of_the_node(void **state)
{
	struct arena *a = arena_new(4096);
	struct service_object *o = make_service(a, "web", "192.168.0.2");

	(void)state;
	add_port(a, o, "", IPPROTO_TCP, 80, 0);
	struct service *s = compile(o, NULL);
	expect_elements(s, "dispatch4 { 192.168.0.2 . tcp . 80 : goto refuse }\n");
	expect_notes(s,
		     "ClusterIP 192.168.0.2: an address of this node: only the Service's own ports are translated\n");
	service_free(s);
	arena_free(a);
}

/* The cluster's own kube-dns Service, on a node that serves DNS on its address. */
static void own_port_of_a_cluster_ip(void **state)
{
	struct arena *a = arena_new(4096);
	struct service_object *o = make_service(a, "kube-dns", "10.96.0.10");

	(void)state;
	add_port(a, o, "dns", IPPROTO_UDP, 53, 0);
	add_port(a, o, "metrics", IPPROTO_TCP, 9153, 10256);
	o->type = SERVICE_NODE_PORT;
	struct service *s = compile(o, NULL);
	expect_elements(s, "dispatch4 { 10.96.0.10 . tcp . 9153 : goto refuse }\n");
	expect_notes(s, "ClusterIP 10.96.0.10: an address of this node: only the Service's own ports are translated\n"
			"ClusterIP 10.96.0.10 port 53/UDP: refused: fairlead itself listens there\n"
			"node port at 192.168.0.2 port 10256/TCP: refused: fairlead itself listens there\n");
	service_free(s);
	arena_free(a);
}

static void refused_addresses(void **state)
{
	struct arena *a = arena_new(4096);
	struct service_object *o = make_service(a, "evil", "10.96.0.66");

	(void)state;
	add_port(a, o, "", IPPROTO_TCP, 443, 0);
	add_external_ip(a, o, "10.96.0.1");
	add_external_ip(a, o, "203.0.113.1");
	add_external_ip(a, o, "192.168.0.9");
	add_ingress(a, o, "127.0.0.1", false);
	add_ingress(a, o, "127.0.0.2", true); /* ipMode Proxy: never asked for */
	struct service *s = compile(o, NULL);
	expect_elements(s, "dispatch4 { 10.96.0.66 . tcp . 443 : goto refuse }\n"
			   "dispatch4 { 203.0.113.1 . tcp . 443 : goto refuse }\n"
			   "cluster-ips4 { 10.96.0.66 }\n");
	expect_notes(s, "load balancer address 127.0.0.1: refused: loopback, link-local, multicast or unspecified\n"
			"external address 10.96.0.1: refused: inside a service range\n"
			"external address 192.168.0.9: refused: an address of the API server (--external-ips may allow "
			"it)\n");
	service_free(s);
	arena_free(a);
}

/* CVE-2021-25737: an endpoint at a loopback or link-local address leads into the node. */
static void special_endpoints(void **state)
{
	struct arena *a = arena_new(4096);
	struct service_object *o = make_service(a, "web", "10.96.0.66");

	(void)state;
	add_port(a, o, "", IPPROTO_TCP, 80, 0);
	struct service *s =
		compile(o, make_slice(a, "web-1", "", IPPROTO_TCP, 8080,
				      "127.0.0.1 10.244.0.1 169.254.169.254 224.0.0.1 0.0.0.0 192.168.0.2"));
	assert_int_equal(s->ports[0].target_count, 2); /* a host network pod is at the node's address */
	service_free(s);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_node_needs),
		cmocka_unit_test(operators_choose),
		cmocka_unit_test(own_sockets),
		cmocka_unit_test(cluster_ip_of_the_node),
		cmocka_unit_test(own_port_of_a_cluster_ip),
		cmocka_unit_test(refused_addresses),
		cmocka_unit_test(special_endpoints),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
