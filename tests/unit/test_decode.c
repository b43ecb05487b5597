/* Services: every field, the API server's defaults, and what is refused. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/decoded_service.h"

#define IP "clusterIP: 10.96.0.1, "
#define PORT "ports: [{port: 80}]"

static void defaults(void **state)
{
	struct decoded d;
	const struct service_object *s = one_service(&d, SPEC(IP PORT), false);

	(void)state;
	assert_string_equal(d.problems.data, "");
	assert_string_equal(s->object.ns, "prod");
	assert_string_equal(s->object.name, "web");
	assert_int_equal(s->type, SERVICE_CLUSTER_IP);
	assert_false(s->headless);
	assert_int_equal(s->cluster_ip_count, 1);
	assert_true(addr_is(&s->cluster_ips[0], "10.96.0.1"));
	assert_int_equal(s->port_count, 1);
	assert_string_equal(s->ports[0].name, "");
	assert_int_equal(s->ports[0].proto, IPPROTO_TCP);
	assert_int_equal(s->ports[0].port, 80);
	assert_int_equal(s->ports[0].node_port, 0);
	assert_string_equal(s->ports[0].target_port, "80");
	assert_int_equal(s->external_policy, POLICY_CLUSTER);
	assert_int_equal(s->internal_policy, POLICY_CLUSTER);
	assert_false(s->client_ip_affinity);
	assert_int_equal(s->affinity_timeout_s, 10800);
	assert_false(s->publish_not_ready);
	assert_null(s->external_name);
	assert_null(s->proxy_name);
	assert_int_equal(s->balance, BALANCE_RANDOM);
	decoded_fini(&d);
}

static const char every_field_set[] =
	"apiVersion: v1\n"
	"kind: Service\n"
	"metadata:\n"
	"  name: web\n"
	"  creationTimestamp: \"2026-11-20T18:00:00+01:00\"\n"
	"  labels: {service.kubernetes.io/service-proxy-name: cilium}\n"
	"  annotations: {fairlead/lb: maglev, fairlead/source-ranges: all}\n"
	"spec:\n"
	"  type: LoadBalancer\n"
	"  clusterIP: 010.096.0.01\n"
	"  clusterIPs: [010.096.0.01, 'fd00:96:0::1']\n" /* k8s: leading zeros are decimal */
	"  ipFamilies: [IPv4, IPv6]\n"
	"  externalIPs: [203.0.113.9]\n"
	"  loadBalancerSourceRanges: [' 10.0.0.0/8', \"2001:db8::/32\\r\\n\"]\n"
	"  externalTrafficPolicy: Local\n"
	"  internalTrafficPolicy: Local\n"
	"  healthCheckNodePort: 31000\n"
	"  publishNotReadyAddresses: yes\n"
	"  sessionAffinity: ClientIP\n"
	"  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}\n"
	"  ports:\n"
	"  - {name: http, port: 80, targetPort: web, nodePort: 30080}\n"
	"  - {name: dns, port: 53, protocol: UDP, targetPort: 5353}\n"
	"  - {name: dns-tcp, port: 53}\n"
	"  - {name: sig, port: 99, protocol: SCTP, targetPort: 8099}\n"
	"status:\n"
	"  loadBalancer:\n"
	"    ingress:\n"
	"    - {ip: 198.51.100.1, ipMode: VIP}\n"
	"    - {ip: 198.51.100.2, ipMode: Proxy}\n"
	"    - {hostname: lb.example.org}\n"
	"    - {ip: nonsense}\n"
	"    - {ip: 198.51.100.3, ipMode: proxy}\n";

static void every_field(void **state)
{
	struct decoded d;
	const struct service_object *s = one_service(&d, every_field_set, false);

	(void)state;
	assert_string_equal(
		d.problems.data,
		"32 Service default/web: status.loadBalancer.ingress[3].ip: \"nonsense\" is not an IP address\n"
		"33 Service default/web: status.loadBalancer.ingress[4].ipMode: \"proxy\" is none of VIP, Proxy: taken "
		"as VIP\n");
	assert_true(s->created_s == 1795194000); /* 17:00:00 UTC */
	assert_int_equal(s->type, SERVICE_LOAD_BALANCER);
	assert_int_equal(s->cluster_ip_count, 2);
	assert_true(addr_is(&s->cluster_ips[0], "10.96.0.1"));
	assert_true(addr_is(&s->cluster_ips[1], "fd00:96::1"));
	assert_int_equal(s->external_ip_count, 1);
	assert_true(addr_is(&s->external_ips[0], "203.0.113.9"));
	assert_int_equal(s->source_range_count, 2);
	assert_int_equal(s->source_ranges[0].prefix, 8);
	assert_int_equal(s->source_ranges[1].prefix, 32);
	assert_int_equal(s->external_policy, POLICY_LOCAL);
	assert_int_equal(s->internal_policy, POLICY_LOCAL);
	assert_int_equal(s->health_check_node_port, 31000);
	assert_true(s->publish_not_ready);
	assert_true(s->client_ip_affinity);
	assert_int_equal(s->affinity_timeout_s, 60);
	assert_int_equal(s->port_count, 4);
	assert_string_equal(s->ports[0].target_port, "web");
	assert_int_equal(s->ports[0].node_port, 30080);
	assert_int_equal(s->ports[1].proto, IPPROTO_UDP);
	assert_string_equal(s->ports[1].target_port, "5353");
	assert_string_equal(s->ports[2].target_port, "53");
	assert_int_equal(s->ports[3].proto, IPPROTO_SCTP);
	assert_int_equal(s->ingress_count, 4);
	assert_false(s->ingress[0].proxy_mode);
	assert_true(s->ingress[1].proxy_mode);
	assert_int_equal(s->ingress[2].addr.family, 0);
	assert_string_equal(s->proxy_name, "cilium");
	assert_int_equal(s->balance, BALANCE_MAGLEV);
	assert_true(s->source_ranges_everywhere);
	decoded_fini(&d);
}

static void cluster_ip_forms(void **state)
{
	struct decoded d;
	const struct service_object *s;

	(void)state;
	s = one_service(&d, SPEC("clusterIP: None, " PORT), false);
	assert_true(s->headless);
	assert_int_equal(s->cluster_ip_count, 0);
	decoded_fini(&d);
	s = one_service(&d, SPEC("clusterIPs: [None]"), false); /* headless needs no port */
	assert_true(s->headless);
	decoded_fini(&d);
	s = one_service(&d, SPEC("clusterIP: '', " PORT), false);
	assert_int_equal(s->cluster_ip_count, 0);
	assert_false(s->headless);
	assert_string_equal(d.problems.data, "");
	decoded_fini(&d);
	s = one_service(&d, SPEC("type: ExternalName, externalName: db.example.org."), false);
	assert_int_equal(s->type, SERVICE_EXTERNAL_NAME);
	assert_string_equal(s->external_name, "db.example.org");
	assert_string_equal(d.problems.data, "");
	decoded_fini(&d);
}

#define PROBLEM(what) "!4 Service prod/web: " what "\n"

static void refused_ports(void **state)
{
	(void)state;
	assert_problems(SPEC(IP "ports: [{port: 0}]"), PROBLEM("spec.ports[0].port: 0 is not in 1…65535"));
	assert_problems(SPEC(IP "ports: [{port: 65536}]"), PROBLEM("spec.ports[0].port: 65536 is not in 1…65535"));
	assert_problems(SPEC(IP "ports: [{port: 80.5}]"), PROBLEM("spec.ports[0].port: 80.5 is not in 1…65535"));
	assert_problems(SPEC(IP "ports: [{port: '80'}]"),
			PROBLEM("spec.ports[0].port: a number is expected, not a string"));
	assert_problems(SPEC(IP "ports: [{name: a}]"), PROBLEM("spec.ports[0].port: missing"));
	assert_problems(SPEC(IP "ports: [80]"), PROBLEM("spec.ports[0]: a map is expected, not a number"));
	assert_problems(SPEC(IP "ports: {port: 80}"),
			PROBLEM("spec.ports: a list is expected, not a map")
				PROBLEM("spec.ports: missing: a Service with a ClusterIP needs a port"));
	assert_problems(SPEC("clusterIP: 10.96.0.1"),
			PROBLEM("spec.ports: missing: a Service with a ClusterIP needs a port"));
	assert_problems(SPEC(IP "ports: [{port: 80, protocol: tcp}]"),
			PROBLEM("spec.ports[0].protocol: \"tcp\" is none of TCP, UDP, SCTP"));
	assert_problems(SPEC(IP "ports: [{port: 80, name: Web}]"),
			PROBLEM("spec.ports[0].name: \"Web\" is not a DNS label (a-z, 0-9, -)"));
	assert_problems(SPEC(IP "ports: [{port: 80, name: a}, {port: 81}]"),
			PROBLEM("spec.ports: port 81 has no name: names are required when there are several ports"));
	assert_problems(SPEC(IP "ports: [{port: 80, name: a}, {port: 81, name: a}]"),
			PROBLEM("spec.ports: two ports are named \"a\""));
	assert_problems(SPEC(IP "ports: [{port: 80, name: a}, {port: 80, name: b}]"),
			PROBLEM("spec.ports: port 80/TCP is there twice"));
	assert_problems(SPEC(IP "ports: [{port: 80, name: a}, {port: 80, name: b, protocol: UDP}]"), "");
	assert_problems(SPEC(IP "type: NodePort, ports: [{port: 80, name: a, nodePort: 30000}, "
				"{port: 81, name: b, nodePort: 30000}]"),
			PROBLEM("spec.ports: nodePort 30000/TCP is there twice"));
	assert_problems(SPEC(IP "ports: [{port: 80, nodePort: 30000}]"),
			PROBLEM("spec.ports: nodePort 30000 needs type NodePort or LoadBalancer"));
	assert_problems(SPEC(IP "ports: [{port: 80, targetPort: -1}]"),
			PROBLEM("spec.ports[0].targetPort: -1 is not in 1…65535"));
	assert_problems(SPEC(IP "ports: [{port: 80, targetPort: '8099'}]"),
			PROBLEM("spec.ports[0].targetPort: \"8099\" is neither a port number nor a port name"));
}

static void refused_addresses(void **state)
{
	(void)state;
	assert_problems(SPEC("clusterIP: 10.96.0.256, " PORT),
			PROBLEM("spec.clusterIP: \"10.96.0.256\" is not an IP address"));
	assert_problems(SPEC("clusterIP: 127.0.0.1, " PORT),
			PROBLEM("spec.clusterIP: 127.0.0.1 is a loopback address"));
	assert_problems(SPEC(IP "clusterIPs: [10.96.0.2], " PORT),
			PROBLEM("spec.clusterIPs: the first address is not the clusterIP"));
	assert_problems(SPEC(IP "clusterIPs: [10.96.0.1, 10.96.0.2], " PORT),
			PROBLEM("spec.clusterIPs: two addresses of one family"));
	assert_problems(SPEC(IP "ipFamilies: [IPv6], " PORT),
			PROBLEM("spec.ipFamilies[0]: IPv6, but that clusterIP is of the other family"));
	assert_problems(SPEC("clusterIP: None, clusterIPs: [10.96.0.1], " PORT),
			PROBLEM("spec.clusterIPs: must be [None] as clusterIP says"));
	assert_problems(SPEC("clusterIP: None, type: NodePort, " PORT),
			PROBLEM("spec.clusterIP: None is only possible with type ClusterIP"));
	assert_problems(SPEC(IP "type: ExternalName, externalName: a.b"),
			PROBLEM("spec.clusterIP: must not be set with type ExternalName"));
	assert_problems(SPEC("type: ExternalName"), PROBLEM("spec.externalName: missing: required with type "
							    "ExternalName"));
	assert_problems(SPEC("type: ExternalName, externalName: a_b.c"),
			PROBLEM("spec.externalName: \"a_b.c\" is not a DNS name (a-z, 0-9, -, .)"));
	assert_problems(SPEC(IP "externalIPs: [224.0.0.1], " PORT),
			PROBLEM("spec.externalIPs: 224.0.0.1 is a link-local multicast address"));
	assert_problems(SPEC(IP "externalIPs: [fe80::1, x], " PORT),
			PROBLEM("spec.externalIPs[1]: \"x\" is not an IP address")
				PROBLEM("spec.externalIPs: fe80::1 is a link-local address"));
	assert_problems(
		SPEC(IP "type: LoadBalancer, loadBalancerSourceRanges: "
			"[10.0.0.000000000000000000000000000000000000000000000000000000000000000/8], " PORT),
		PROBLEM("spec.loadBalancerSourceRanges[0]: "
			"\"10.0.0.00000000000000000000000000000000000000000000000000000\" is not an address range "
			"such as 10.0.0.0/8"));
	assert_problems(SPEC(IP "type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0], " PORT),
			PROBLEM("spec.loadBalancerSourceRanges[0]: \"10.0.0.0\" is not an address range such as "
				"10.0.0.0/8"));
}

static void refused_policies(void **state)
{
	(void)state;
	assert_problems(SPEC(IP "type: Cluster, " PORT),
			PROBLEM("spec.type: \"Cluster\" is none of ClusterIP, NodePort, LoadBalancer, ExternalName"));
	assert_problems(SPEC(IP "type: NodePort, externalTrafficPolicy: local, " PORT),
			PROBLEM("spec.externalTrafficPolicy: \"local\" is none of Cluster, Local"));
	assert_problems(SPEC(IP "internalTrafficPolicy: 1, " PORT),
			PROBLEM("spec.internalTrafficPolicy: a string is expected, not a number: put it in quotes"));
	assert_problems(SPEC(IP "sessionAffinity: clientIP, " PORT),
			PROBLEM("spec.sessionAffinity: \"clientIP\" is none of None, ClientIP"));
	assert_problems(SPEC(IP "sessionAffinity: ClientIP, "
				"sessionAffinityConfig: {clientIP: {timeoutSeconds: 86401}}, " PORT),
			PROBLEM("spec.sessionAffinityConfig.clientIP.timeoutSeconds: 86401 is not in 1…86400"));
	assert_problems(SPEC(IP "publishNotReadyAddresses: 'true', " PORT),
			PROBLEM("spec.publishNotReadyAddresses: true or false is expected, not a string"));
	assert_problems(SPEC(IP "healthCheckNodePort: 31000, " PORT),
			"4 Service prod/web: spec.healthCheckNodePort: ignored: only with type LoadBalancer and "
			"externalTrafficPolicy Local\n");
}

static void identity(void **state)
{
	struct decoded d;

	(void)state;
	assert_problems("kind: Service\nmetadata: {name: a}\n", "!1 apiVersion: missing\n");
	assert_problems("apiVersion: v1\nmetadata: {name: a}\n", "!1 kind: missing\n");
	assert_problems("apiVersion: v1\nkind: Service\n", "!1 Service: metadata: missing\n");
	assert_problems("apiVersion: v1\nkind: Service\nmetadata: {generateName: a-}\n",
			"!3 Service: metadata.name: missing: no name is made of generateName here\n");
	assert_problems("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n",
			"!1 Service default/a: spec: missing\n");
	assert_problems("apiVersion: v1\nkind: Service\nmetadata: {name: A}\nspec: {" IP PORT "}\n",
			"!3 Service default/A: metadata.name: \"A\" is not a DNS label (a-z, 0-9, -)\n");
	assert_problems("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b.c}\nspec: {" IP PORT "}\n",
			"!3 Service b.c/a: metadata.namespace: \"b.c\" is not a DNS label (a-z, 0-9, -)\n");
	assert_problems(
		"apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {x: 1}}\nspec: {" IP PORT "}\n",
		"!3 Service default/a: metadata.annotations.x: a string is expected, not a number: put it in quotes\n");
	assert_problems("- a\n", "!1 an object is expected, not a list\n");
	assert_problems("# nothing\n---\n---\n~\n", "");
	decode_text(&d, SPEC(IP "ports: [{port: 0}]") "---\nkind: Service\n", false);
	assert_int_equal(d.count, 0);
	assert_string_equal(d.refused.data, "Service prod/web\n /\n");
	decoded_fini(&d);
}

static void bad_annotations_are_skipped(void **state)
{
	struct decoded d;
	const struct service_object *s =
		one_service(&d,
			    "apiVersion: v1\nkind: Service\n"
			    "metadata: {name: a, annotations: {fairlead/lb: rr, fairlead/source-ranges: 'no'}}\n"
			    "spec: {" IP PORT "}\n",
			    false);

	(void)state;
	assert_int_equal(s->balance, BALANCE_RANDOM);
	assert_false(s->source_ranges_everywhere);
	assert_string_equal(
		d.problems.data,
		"3 Service default/a: metadata.annotations.fairlead/lb: \"rr\" is none of random, maglev\n"
		"3 Service default/a: metadata.annotations.fairlead/source-ranges: \"no\" is not \"all\"\n");
	decoded_fini(&d);
}

/* What an API server holds is used as far as it can be: kube-proxy would. */
static void lenient_skips_parts(void **state)
{
	struct decoded d;
	const struct service_object *s = one_service(
		&d,
		SPEC(IP "externalIPs: [x, 203.0.113.9], sessionAffinity: Odd, loadBalancerSourceRanges: [y], "
			"ports: [{port: 80}, {port: 81, protocol: ICMP}, {port: 82, nodePort: 30001}]"),
		true);

	(void)state;
	assert_int_equal(s->external_ip_count, 1);
	assert_int_equal(s->source_range_count, 0);
	assert_int_equal(s->port_count, 2);
	assert_int_equal(s->ports[1].node_port, 30001); /* whatever the type says (E.3) */
	assert_string_equal(d.refused.data, "");
	assert_null(strchr(d.problems.data, '!'));
	decoded_fini(&d);
}

/* An edit of what is not used changes no digest; an edit of what is used does. */
static void digest_is_of_content(void **state)
{
	struct decoded a, b, c;

	(void)state;
	one_service(&a, SPEC(IP PORT), false);
	one_service(&b,
		    "apiVersion: v1\nkind: Service\n"
		    "metadata: {name: web, namespace: prod, resourceVersion: '9', labels: {x: y}}\n"
		    "spec: {clusterIPs: [10.96.0.1], ports: [{port: 80, protocol: TCP, targetPort: "
		    "80}]}\n",
		    false);
	one_service(&c, SPEC(IP "ports: [{port: 80, targetPort: 81}]"), false);
	assert_true(a.objects[0]->digest == b.objects[0]->digest);
	assert_true(a.objects[0]->digest != c.objects[0]->digest);
	decoded_fini(&a);
	decoded_fini(&b);
	decoded_fini(&c);
}

static void lists(void **state)
{
	struct decoded d;

	(void)state;
	decode_text(&d,
		    "apiVersion: v1\nkind: List\nitems:\n"
		    "- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n"
		    "- {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}}\n"
		    "- {apiVersion: v1, kind: Namespace, metadata: {name: B}}\n"
		    "- {kind: Namespace, metadata: {name: c}}\n"
		    "- {apiVersion: v1, kind: List, items: []}\n"
		    "---\n"
		    "apiVersion: v1\nkind: NamespaceList\nitems:\n"
		    "- {metadata: {name: d}}\n"
		    "---\n"
		    "{apiVersion: discovery.k8s.io/v1beta1, kind: EndpointSlice, metadata: {name: old}}\n",
		    false);
	assert_int_equal(d.count, 2);
	assert_string_equal(d.objects[0]->name, "a");
	assert_string_equal(d.objects[1]->name, "d");
	assert_string_equal(d.unknown.data, "apps/v1 ReplicaSet\nv1 List\ndiscovery.k8s.io/v1beta1 EndpointSlice\n");
	assert_string_equal(d.refused.data, "Namespace /B\n /\n");
	assert_string_equal(d.problems.data, "!6 Namespace B: metadata.name: \"B\" is not a DNS label (a-z, 0-9, -)\n"
					     "!7 items[3].apiVersion: missing\n");
	decoded_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_field),
		cmocka_unit_test(cluster_ip_forms),
		cmocka_unit_test(refused_ports),
		cmocka_unit_test(refused_addresses),
		cmocka_unit_test(refused_policies),
		cmocka_unit_test(identity),
		cmocka_unit_test(bad_annotations_are_skipped),
		cmocka_unit_test(lenient_skips_parts),
		cmocka_unit_test(digest_is_of_content),
		cmocka_unit_test(lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
