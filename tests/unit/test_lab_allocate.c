/* What Services in manifests are given: families, addresses, ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/lab_given.h"
#include "watch/lab/allocate.h"

/* ---- families ---- */

static void families_by_policy(void **state)
{
	static const struct {
		const char *spec, *families; /* of the addresses: "4", "46", … */
		const char *problem;
	} cases[] = {
		{PORT, "4", ""},
		{"ipFamilies: [IPv6], " PORT, "6", ""},
		{"ipFamilyPolicy: SingleStack, " PORT, "4", ""},
		{"ipFamilyPolicy: PreferDualStack, " PORT, "46", ""},
		{"ipFamilyPolicy: RequireDualStack, ipFamilies: [IPv6], " PORT, "64", ""},
		{"ipFamilies: [IPv6, IPv4], " PORT, "64", ""},
		{"clusterIP: 'fd00:10:96::5', " PORT, "6", ""},
		{"clusterIP: 10.96.0.5, ipFamilyPolicy: PreferDualStack, " PORT, "46", ""},
		{"clusterIP: None, " PORT, "", ""},
		{"ipFamilyPolicy: SingleStack, ipFamilies: [IPv6, IPv4], " PORT, NULL,
		 "!Service default/web: spec.ipFamilyPolicy: SingleStack, but two families are asked for\n"},
	};
	struct lab_world w;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[512], families[4] = "";
		world_init(&w, DUAL, "");
		snprintf(text, sizeof text, SERVICE("web", "%s"), cases[i].spec);
		world_put(&w, text);
		const struct service_object *s = world_service(&w, "web");
		for (size_t k = 0; s != NULL && k < s->cluster_ip_count; k++)
			families[k] = s->cluster_ips[k].family == AF_INET ? '4' : '6';
		if (cases[i].families == NULL)
			assert_null(s);
		else
			assert_string_equal(families, cases[i].families);
		assert_string_equal(w.problems.data, cases[i].problem);
		world_fini(&w);
	}
}

static void families_of_one_range(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, "fd00:10:96::/112", "");
	world_put(&w, SERVICE("a", PORT) SERVICE("b", "ipFamilyPolicy: PreferDualStack, " PORT)
			      SERVICE("c", "ipFamilyPolicy: RequireDualStack, " PORT)
				      SERVICE("d", "ipFamilies: [IPv4], " PORT));
	assert_int_equal(world_service(&w, "a")->cluster_ips[0].family, AF_INET6);
	assert_int_equal(world_service(&w, "b")->cluster_ip_count, 1);
	assert_null(world_service(&w, "c"));
	assert_string_equal(
		w.problems.data,
		"!Service default/c: spec.ipFamilyPolicy: RequireDualStack, but the service ranges have one "
		"family only (see --service-cidr)\n"
		"!Service default/d: spec.ipFamilies: no service range is IPv4 (see --service-cidr)\n");
	world_fini(&w);
}

/* ---- ranges ---- */

static void bands_of_a_range(void **state)
{
	struct lab_world w;
	char text[128];

	(void)state;
	world_init(&w, "10.96.0.0/24", "");
	for (int i = 0; i < 255; i++) {
		snprintf(text, sizeof text, SERVICE("s%d", PORT), i);
		world_put(&w, text);
		snprintf(text, sizeof text, "s%d", i);
		const struct service_object *s = world_service(&w, text);
		if (i == 254) { /* 254 addresses: not the first and the last */
			assert_int_equal(s->cluster_ip_count, 0);
			break;
		}
		const unsigned last = s->cluster_ips[0].bytes[3];
		assert_true(i < 239 ? last >= 16 && last < 255 : last > 0 && last < 16); /* KEP-3070: 256 / 16 below */
	}
	assert_string_equal(w.problems.data,
			    "Service default/s254: spec.clusterIPs: no IPv4 address is free in the service ranges\n");
	world_take(&w, OBJECT_SERVICE, "s7");
	world_end_turn(&w);
	assert_int_equal(world_service(&w, "s254")->cluster_ip_count, 1); /* takes what became free */
	world_fini(&w);
}

static void the_default_ranges_are_shown_while_used(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, "", "");
	world_put(&w, SERVICE("a", "clusterIP: 10.96.0.7, " PORT));
	assert_null(world_object(&w, OBJECT_SERVICE_CIDR, "", "kubernetes"));
	world_put(&w, SERVICE("b", "ipFamilyPolicy: PreferDualStack, " PORT));
	assert_true(in_range(&world_service(&w, "b")->cluster_ips[0], "10.96.0.0/16"));
	assert_true(in_range(&world_service(&w, "b")->cluster_ips[1], "fd00:10:96::/112"));
	const struct service_cidr_object *o =
		(const struct service_cidr_object *)world_object(&w, OBJECT_SERVICE_CIDR, "", "kubernetes");
	assert_int_equal(o->cidr_count, 2);
	world_take(&w, OBJECT_SERVICE, "b");
	world_end_turn(&w);
	assert_null(world_object(&w, OBJECT_SERVICE_CIDR, "", "kubernetes"));
	world_fini(&w);
}

static void ranges_of_objects(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, "", "");
	world_put(&w, SERVICE("a", PORT));
	world_put(&w, "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\n"
		      "spec: {cidrs: [10.7.0.0/24]}\n");
	assert_true(in_range(&world_service(&w, "a")->cluster_ips[0], "10.7.0.0/24")); /* moves: it was in no range */
	world_take(&w, OBJECT_SERVICE_CIDR, "kubernetes");
	world_end_turn(&w);
	assert_true(in_range(&world_service(&w, "a")->cluster_ips[0], "10.96.0.0/16"));
	assert_non_null(world_object(&w, OBJECT_SERVICE_CIDR, "", "kubernetes"));
	world_fini(&w);
}

/* ---- ports ---- */

static void node_ports(void **state)
{
	struct lab_world w;
	const struct service_object *s;

	(void)state;
	world_init(&w, DUAL, "");
	world_put(&w,
		  SERVICE("dns", "type: NodePort, ports: [{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53}, "
				 "{name: web, port: 80}]"));
	s = world_service(&w, "dns");
	assert_true(s->ports[0].node_port >= 30000 + 86 &&
		    s->ports[0].node_port <= 32767);			/* KEP-3668: 2768 / 32 below */
	assert_int_equal(s->ports[1].node_port, s->ports[0].node_port); /* one number, two protocols */
	assert_int_not_equal(s->ports[2].node_port, s->ports[0].node_port);
	world_put(&w,
		  SERVICE("two", "type: NodePort, ports: [{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53, "
				 "nodePort: 30053}]"));
	assert_int_equal(world_service(&w, "two")->ports[0].node_port, 30053);
	world_put(&w, SERVICE("lb", "type: LoadBalancer, externalTrafficPolicy: Local, " PORT)
			      SERVICE("none", "type: LoadBalancer, allocateLoadBalancerNodePorts: false, " PORT));
	s = world_service(&w, "lb");
	assert_int_not_equal(s->ports[0].node_port, 0);
	assert_true(s->health_check_node_port >= 30000 && s->health_check_node_port != s->ports[0].node_port);
	assert_int_equal(world_service(&w, "none")->ports[0].node_port, 0);
	world_put(&w, SERVICE("lb", PORT)); /* ClusterIP now */
	assert_int_equal(world_service(&w, "lb")->ports[0].node_port, 0);
	assert_int_equal(world_service(&w, "lb")->health_check_node_port, 0);
	assert_string_equal(w.problems.data, "");
	world_fini(&w);
}

static void a_small_port_range(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, DUAL, "");
	lab_free(w.lab);
	w.config.node_port_last = 30001;
	world_start(&w);
	world_put(&w, SERVICE("a", "type: NodePort, " PORT)
			      SERVICE("b", "type: NodePort, ports: [{port: 80, nodePort: 30000}]")
				      SERVICE("c", "type: NodePort, " PORT));
	assert_int_equal(world_service(&w, "a")->ports[0].node_port, 30001); /* what is written is not given away */
	assert_int_equal(world_service(&w, "c")->ports[0].node_port, 0);
	assert_string_equal(w.problems.data,
			    "Service default/c: spec.ports[0].nodePort: no port is free in 30000-30001 (see "
			    "--service-node-port-range)\n");
	buf_clear(&w.problems);
	world_put(&w, SERVICE("b", PORT));
	assert_int_equal(world_service(&w, "c")->ports[0].node_port, 30000);
	assert_int_equal(w.problems.length_bytes, 0);
	world_fini(&w);
}

static void put_ports(struct lab_world *w, const char *name, unsigned written, unsigned given)
{
	struct buf text = {0};

	buf_printf(&text, "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec:\n  type: NodePort\n  ports:\n",
		   name);
	for (unsigned i = 0; i < written; i++)
		buf_printf(&text, "  - {name: w%u, port: %u, nodePort: %u}\n", i, 1 + i, 1 + i);
	for (unsigned i = 0; i < given; i++)
		buf_printf(&text, "  - {name: g%u, port: %u}\n", i, 40000 + i);
	buf_puts(&text, "---\n");
	world_put(w, text.data);
	buf_fini(&text);
}

/* The work for one that is given is linear in the ports of the Service. */
static void many_ports(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, DUAL, "");
	put_ports(&w, "a", 20000, ALLOCATED_PORTS_MAX);
	assert_true(world_service(&w, "a")->ports[20000].node_port >= 30000);
	put_ports(&w, "b", 0, ALLOCATED_PORTS_MAX + 1);
	assert_null(world_service(&w, "b"));
	assert_string_equal(w.problems.data, "!Service default/b: spec.ports: 513 ports without nodePort; a Service is "
					     "given at most 512: write the others\n");
	world_fini(&w);
}

/* ---- load balancers ---- */

static void addresses_of_the_pool(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, DUAL, "192.0.2.8/30 2001:db8::/126");
	world_put(&w,
		  SERVICE("a", "type: LoadBalancer, " PORT) SERVICE(
			  "b", "type: LoadBalancer, loadBalancerIP: 192.0.2.9, ipFamilyPolicy: PreferDualStack, " PORT)
			  SERVICE("c", "type: LoadBalancer, loadBalancerClass: example.com/x, " PORT)
				  SERVICE("d", "type: LoadBalancer, loadBalancerIP: 203.0.113.1, " PORT));
	assert_int_equal(world_service(&w, "a")->ingress_count, 1);
	assert_true(in_range(&world_service(&w, "a")->ingress[0].addr, "192.0.2.8/30"));
	assert_false(addr_is(&world_service(&w, "a")->ingress[0].addr, "192.0.2.9")); /* b writes it */
	assert_int_equal(world_service(&w, "b")->ingress_count, 2);
	assert_true(addr_is(&world_service(&w, "b")->ingress[0].addr, "192.0.2.9"));
	assert_int_equal(world_service(&w, "c")->ingress_count, 0);
	assert_int_equal(world_service(&w, "d")->ingress_count, 0);
	assert_string_equal(w.problems.data,
			    "Service default/d: spec.loadBalancerIP: 203.0.113.1 is not in --lb-pool\n");
	world_fini(&w);
	world_init(&w, DUAL, "2001:db8::/126");
	world_put(&w, SERVICE("a", "type: LoadBalancer, " PORT));
	assert_string_equal(w.problems.data,
			    "Service default/a: status.loadBalancer.ingress: --lb-pool has no range of the "
			    "Service's family\n");
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_by_policy),	 cmocka_unit_test(families_of_one_range),
		cmocka_unit_test(bands_of_a_range),	 cmocka_unit_test(the_default_ranges_are_shown_while_used),
		cmocka_unit_test(ranges_of_objects),	 cmocka_unit_test(node_ports),
		cmocka_unit_test(a_small_port_range),	 cmocka_unit_test(many_ports),
		cmocka_unit_test(addresses_of_the_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
