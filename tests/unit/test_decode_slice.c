/* EndpointSlice, Endpoints and the small kinds. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/decoded.h"

#define HEAD                                                     \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" \
	"metadata: {name: web-1, namespace: prod, labels: {kubernetes.io/service-name: web}}\n"
#define V4 HEAD "addressType: IPv4\n"
#define PORTS "ports: [{name: http, port: 8080}]\n"
#define PROBLEM(line, what) "!" #line " EndpointSlice prod/web-1: " what "\n"

static const struct slice_object *one_slice(struct decoded *d, const char *text, bool lenient)
{
	decode_text(d, text, lenient);
	assert_int_equal(d->count, 1);
	assert_int_equal(d->objects[0]->kind, OBJECT_SLICE);
	return (const struct slice_object *)d->objects[0];
}

static void conditions_nil_mean_ready(void **state)
{
	struct decoded d;
	const struct slice_object *s =
		one_slice(&d,
			  V4 PORTS "endpoints:\n"
				   "- addresses: [10.1.0.1]\n"
				   "- addresses: [10.1.0.2]\n"
				   "  conditions: {ready: false}\n"
				   "- addresses: [10.1.0.3]\n"
				   "  conditions: {ready: false, serving: true, terminating: true}\n"
				   "- addresses: [010.01.000.4]\n"
				   "  conditions: {ready: ~}\n",
			  false);

	(void)state;
	assert_string_equal(d.problems.data, "");
	assert_string_equal(s->service_name, "web");
	assert_int_equal(s->family, AF_INET);
	assert_int_equal(s->port_count, 1);
	assert_int_equal(s->ports[0].proto, IPPROTO_TCP);
	assert_int_equal(s->endpoint_count, 4);
	assert_true(s->endpoints[0].ready && s->endpoints[0].serving && !s->endpoints[0].terminating);
	assert_true(!s->endpoints[1].ready && s->endpoints[1].serving && !s->endpoints[1].terminating);
	assert_true(!s->endpoints[2].ready && s->endpoints[2].serving && s->endpoints[2].terminating);
	assert_true(s->endpoints[3].ready);
	assert_true(addr_is(&s->endpoints[3].addr, "10.1.0.4"));
	assert_int_equal(s->endpoints[0].weight, 1);
	decoded_fini(&d);
}

static void every_field(void **state)
{
	struct decoded d;
	const struct slice_object *s = one_slice(
		&d,
		"apiVersion: discovery.k8s.io/v1\n"
		"kind: EndpointSlice\n"
		"metadata:\n"
		"  name: web-6\n"
		"  labels: {kubernetes.io/service-name: web}\n"
		"  annotations:\n"
		"    fairlead/weight: 'fd00::1=5, fd00:0::2=100'\n"
		"    endpoints.kubernetes.io/last-change-trigger-time: '2026-11-20T18:00:00.25+01:00'\n"
		"addressType: IPv6\n"
		"ports: [{name: a, port: 1, protocol: UDP}, {name: b, port: 2, protocol: SCTP, appProtocol: h2c}]\n"
		"endpoints:\n"
		"- addresses: ['fd00::1', 'fd00::11']\n"
		"  nodeName: n1\n"
		"  hostname: web-0\n"
		"  zone: a\n"
		"  targetRef: {kind: Pod, name: web-0-xyz, namespace: default, uid: 1-2}\n"
		"  hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n1}]}\n"
		"- addresses: ['fd00::2']\n"
		"  targetRef: {kind: VirtualMachine, name: vm}\n",
		false);

	(void)state;
	assert_string_equal(d.problems.data, "");
	assert_int_equal(s->family, AF_INET6);
	assert_int_equal(s->ports[0].proto, IPPROTO_UDP);
	assert_int_equal(s->ports[1].proto, IPPROTO_SCTP);
	assert_int_equal(endpoint_extra(&s->endpoints[0])->more_addr_count, 1);
	assert_true(addr_is(&endpoint_extra(&s->endpoints[0])->more_addrs[0], "fd00::11"));
	assert_string_equal(s->endpoints[0].node_name, "n1");
	assert_string_equal(endpoint_extra(&s->endpoints[0])->hostname, "web-0");
	assert_string_equal(s->endpoints[0].zone, "a");
	assert_string_equal(s->endpoints[0].pod_name, "web-0-xyz");
	assert_int_equal(endpoint_extra(&s->endpoints[0])->zone_hint_count, 2);
	assert_string_equal(endpoint_extra(&s->endpoints[0])->zone_hints[1], "b");
	assert_string_equal(endpoint_extra(&s->endpoints[0])->node_hints[0], "n1");
	assert_int_equal(s->endpoints[0].weight, 5);
	assert_int_equal(s->endpoints[1].weight, 100);
	assert_null(s->endpoints[1].pod_name);
	assert_null(s->endpoints[1].node_name);
	assert_true(s->trigger_ms == 1795194000250); /* 17:00:00.25 UTC */
	decoded_fini(&d);
}

#define WEIGHTS(text)                                                                                     \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-1, namespace: prod, " \
	"labels: {kubernetes.io/service-name: web}, annotations: {fairlead/weight: '" text "'}}\naddressType: IPv4\n"
#define WEIGHT(text) WEIGHTS(text) "endpoints: [{addresses: [10.1.0.1]}]\n"

/* An address that stands there twice has its last weight, and one of no endpoint says nothing. */
static void last_weight_counts(void **state)
{
	struct decoded d;
	const struct slice_object *s =
		one_slice(&d,
			  WEIGHTS("10.0.0.2=7,10.0.0.1=5,10.0.0.9=1,10.0.0.2=8") PORTS
			  "endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}, {addresses: [10.0.0.3]}]\n",
			  false);

	(void)state;
	assert_int_equal(s->endpoints[0].weight, 5);
	assert_int_equal(s->endpoints[1].weight, 8);
	assert_int_equal(s->endpoints[2].weight, 1);
	decoded_fini(&d);
}

/* As many as the API server takes: each is looked at for every port. */
static void hints_are_counted(void **state)
{
	static const char text[] =
		V4 PORTS "endpoints:\n- addresses: [10.0.0.1]\n"
			 "  hints: {forZones: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f},"
			 " {name: g}, {name: h}, {name: i}]}\n";
	struct decoded d;

	(void)state;
	assert_int_equal(endpoint_extra(&one_slice(&d, text, true)->endpoints[0])->zone_hint_count, 8);
	assert_non_null(strstr(d.problems.data, "endpoints[0].hints.forZones: more than 8 hints"));
	decoded_fini(&d);
	decode_text(&d, text, false);
	assert_int_equal(d.count, 0);
	decoded_fini(&d);
}

static void bad_weights_are_ignored(void **state)
{
	static const char *const bad[] = {WEIGHT(""),
					  WEIGHT("10.1.0.1"),
					  WEIGHT("10.1.0.1=0"),
					  WEIGHT("10.1.0.1=101"),
					  WEIGHT("10.1.0.1=x"),
					  WEIGHT("10.1.0.1=5,"),
					  WEIGHT("10.1.0.1=5;b"),
					  WEIGHT("web-0=5"),
					  WEIGHT("10.1.0.1=-5"),
					  WEIGHT("10.1.0.1=5,,"),
					  WEIGHT("10.1.0.1=5 5")};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct decoded d;
		const struct slice_object *s = one_slice(&d, bad[i], false);
		assert_int_equal(s->endpoints[0].weight, 1);
		assert_non_null(
			strstr(d.problems.data, "3 EndpointSlice prod/web-1: metadata.annotations.fairlead/weight: "));
		decoded_fini(&d);
	}
}

/* Valid objects that yield nothing: not refused, a warning says why. */
static void slices_that_are_not_ours(void **state)
{
	struct decoded d;

	(void)state;
	decode_text(
		&d,
		HEAD
		"addressType: FQDN\nendpoints: [{addresses: [a.example.org]}]\n"
		"---\n"
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: loose}\naddressType: IPv4\n",
		false);
	assert_string_equal(((const struct slice_object *)d.objects[0])->service_name, ""); /* for tools */
	assert_string_equal(d.refused.data, "");
	assert_string_equal(
		d.problems.data,
		"4 EndpointSlice prod/web-1: addressType: FQDN slices are not used\n"
		"9 EndpointSlice default/loose: metadata.labels.kubernetes.io/service-name: missing: the slice "
		"belongs to no Service\n");
	decoded_fini(&d);
}

static void refused_parts(void **state)
{
	(void)state;
	assert_problems(HEAD, PROBLEM(1, "addressType: missing"));
	assert_problems(HEAD "addressType: ipv4\n", PROBLEM(4, "addressType: \"ipv4\" is none of IPv4, IPv6, FQDN"));
	assert_problems(V4 "endpoints: [{addresses: ['fd00::1']}]\n",
			PROBLEM(5, "endpoints[0].addresses[0]: \"fd00::1\" is not an IPv4 address"));
	assert_problems(V4 "endpoints: [{addresses: [127.0.0.1]}]\n",
			PROBLEM(5, "endpoints[0].addresses[0]: 127.0.0.1 is a loopback address"));
	assert_problems(V4 "endpoints: [{addresses: []}]\n", PROBLEM(5, "endpoints[0].addresses: missing"));
	assert_problems(V4 "endpoints:\n- {addresses: [10.1.0.1], hostname: A_b}\n",
			PROBLEM(6, "endpoints[0].hostname: \"A_b\" is not a DNS label (a-z, 0-9, -)"));
	assert_problems(V4 "endpoints:\n- {addresses: [10.1.0.1], conditions: {ready: 'true'}}\n",
			PROBLEM(6, "endpoints[0].conditions.ready: true or false is expected, not a string"));
	assert_problems(V4 "ports: [{name: a, port: 1}, {name: a, port: 2}]\n",
			PROBLEM(5, "ports: two ports are named \"a\""));
	assert_problems(V4 "ports: [{name: a, port: 1, protocol: ICMP}]\n",
			PROBLEM(5, "ports[0].protocol: \"ICMP\" is none of TCP, UDP, SCTP"));
	assert_problems(V4 "ports: [{name: a}]\n", "5 EndpointSlice prod/web-1: ports[0].port: missing: the port is "
						   "skipped (\"all ports\" is not supported)\n");
}

/* An absent port name: what the API server stores for a manifest is "", what it sends without a name is unusable. */
static void port_name_nil(void **state)
{
	struct decoded d;
	const struct slice_object *s = one_slice(&d, V4 "ports: [{port: 80}]\n", false);

	(void)state;
	assert_int_equal(s->port_count, 1);
	assert_string_equal(s->ports[0].name, "");
	decoded_fini(&d);
	s = one_slice(&d, V4 "ports: [{port: 80}, {name: '', port: 81}, {name: a, port: 0}, {name: b}]\n", true);
	assert_int_equal(s->port_count, 1);
	assert_int_equal(s->ports[0].port, 81);
	decoded_fini(&d);
}

/* A controller keeps the label where there is one; a manifest may have it from an export, and mean nothing by it. */
static void headless_label(void **state)
{
	static const char text[] =
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nendpoints: []\n"
		"metadata:\n  name: web-1\n  namespace: prod\n"
		"  labels: {kubernetes.io/service-name: web, service.kubernetes.io/headless: ''}\n" PORTS;
	struct decoded d;

	(void)state;
	assert_true(one_slice(&d, text, true)->headless_label);
	decoded_fini(&d);
	assert_false(one_slice(&d, text, false)->headless_label);
	decoded_fini(&d);
}

static void lenient_skips_endpoints(void **state)
{
	struct decoded d;
	const struct slice_object *s = one_slice(
		&d, V4 PORTS "endpoints: [{addresses: []}, {addresses: [x]}, {}, {addresses: [127.0.0.1]}]\n", true);

	(void)state;
	assert_int_equal(s->endpoint_count, 1);
	assert_string_equal(d.refused.data, "");
	decoded_fini(&d);
}

static void endpoints_become_slices(void **state)
{
	struct decoded d;
	const struct slice_object *s;

	(void)state;
	decode_text(&d,
		    "apiVersion: v1\nkind: Endpoints\nmetadata: {name: db, namespace: prod}\nsubsets:\n"
		    "- addresses:\n"
		    "  - {ip: 10.1.0.1, hostname: db-0, nodeName: n1, targetRef: {kind: Pod, name: db-0}}\n"
		    "  - {ip: 'fd00::1'}\n"
		    "  notReadyAddresses: [{ip: 10.1.0.2}]\n"
		    "  ports: [{name: pg, port: 5432}, {name: m, port: 9090, protocol: UDP}]\n"
		    "- addresses: [{ip: 10.1.0.3}]\n",
		    false);
	assert_string_equal(d.problems.data, "");
	assert_int_equal(d.count, 3);
	s = (const struct slice_object *)d.objects[0];
	assert_string_equal(s->object.name, "db:endpoints-ipv4-0");
	assert_string_equal(s->object.ns, "prod");
	assert_string_equal(s->service_name, "db");
	assert_int_equal(s->endpoint_count, 2);
	assert_true(s->endpoints[0].ready && s->endpoints[0].serving);
	assert_string_equal(s->endpoints[0].pod_name, "db-0");
	assert_true(!s->endpoints[1].ready && !s->endpoints[1].serving && !s->endpoints[1].terminating);
	assert_int_equal(s->ports[1].proto, IPPROTO_UDP);
	s = (const struct slice_object *)d.objects[1];
	assert_string_equal(s->object.name, "db:endpoints-ipv6-0");
	assert_int_equal(s->family, AF_INET6);
	assert_int_equal(s->endpoint_count, 1);
	assert_string_equal(d.objects[2]->name, "db:endpoints-ipv4-1");
	decoded_fini(&d);
	decode_text(&d,
		    "apiVersion: v1\nkind: Endpoints\nmetadata: {name: db}\nsubsets:\n"
		    "- addresses: [{ip: 10.1.0.1}]\n"
		    "- addresses: [{ip: nope}]\n",
		    false);
	assert_int_equal(d.count, 0); /* as a whole or not at all */
	assert_string_equal(d.refused.data, "Endpoints default/db\n");
	decoded_fini(&d);
}

static void small_kinds(void **state)
{
	struct decoded d;
	const struct node_object *n;
	const struct pod_object *p;
	const struct service_cidr_object *c;

	(void)state;
	decode_text(
		&d,
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: prod, namespace: ignored}\n---\n"
		"apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {topology.kubernetes.io/zone: a}, "
		"deletionTimestamp: '2026-01-01T00:00:00Z'}\n"
		"spec: {podCIDR: 10.244.1.0/24, podCIDRs: [10.244.1.0/24, 'fd00:244:1::/64'], "
		"taints: [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]}\n"
		"status: {addresses: [{type: Hostname, address: n1}, {type: ExternalIP, address: 203.0.113.1}, "
		"{type: InternalIP, address: 192.168.0.1}, {type: InternalIP, address: 'fd00::1'}]}\n---\n"
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p1}\nspec: {nodeName: n1, hostNetwork: true}\n"
		"status: {phase: Running, podIP: 10.244.1.2, podIPs: [{ip: 10.244.1.2}, {ip: 'fd00:244:1::2'}]}\n---\n"
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p2}\nstatus: {phase: Succeeded, podIP: 10.244.1.3}\n---\n"
		"apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: kubernetes}\n"
		"spec: {cidrs: [10.96.0.0/12, 'fd00:96::/108']}\n",
		false);
	assert_string_equal(d.problems.data, "");
	assert_int_equal(d.count, 5);
	assert_int_equal(d.objects[0]->kind, OBJECT_NAMESPACE);
	assert_string_equal(d.objects[0]->ns, "");
	n = (const struct node_object *)d.objects[1];
	assert_int_equal(n->addr_count, 3);
	assert_true(addr_is(&n->addrs[0], "192.168.0.1"));
	assert_true(addr_is(&n->addrs[1], "fd00::1"));
	assert_true(addr_is(&n->addrs[2], "203.0.113.1"));
	assert_int_equal(n->pod_cidr_count, 2);
	assert_string_equal(n->zone, "a");
	assert_true(n->deleting && n->to_be_deleted);
	p = (const struct pod_object *)d.objects[2];
	assert_int_equal(p->addr_count, 2);
	assert_string_equal(p->node_name, "n1");
	assert_true(p->host_network && !p->finished);
	p = (const struct pod_object *)d.objects[3];
	assert_int_equal(p->addr_count, 1);
	assert_null(p->node_name);
	assert_true(p->finished);
	c = (const struct service_cidr_object *)d.objects[4];
	assert_int_equal(c->cidr_count, 2);
	assert_int_equal(c->cidrs[0].prefix, 12);
	decoded_fini(&d);
}

/* What `kubectl get svc,endpointslices -A -o yaml` and `-o json` print, with all their noise. */
static void kubectl_output(void **state)
{
	static const char *const files[] = {"tests/unit/fixtures/kubectl-get.yaml",
					    "tests/unit/fixtures/kubectl-get.json"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		FILE *f = fopen(files[i], "r");
		char *text = mem_alloc(65536);
		struct decoded d;
		if (f == NULL)
			f = fopen(files[i] + strlen("tests/unit/"), "r");
		assert_non_null(f);
		assert_true(fread(text, 1, 65535, f) > 1000);
		fclose(f);
		decode_text(&d, text, false);
		assert_string_equal(d.problems.data, "");
		assert_string_equal(d.unknown.data, "");
		assert_int_equal(d.count, 4);
		assert_string_equal(d.objects[0]->name, "kubernetes");
		assert_string_equal(((const struct service_object *)d.objects[1])->ports[0].name, "dns");
		assert_int_equal(((const struct slice_object *)d.objects[2])->endpoint_count, 1);
		assert_int_equal(((const struct slice_object *)d.objects[3])->endpoint_count, 2);
		assert_string_equal(((const struct slice_object *)d.objects[3])->endpoints[1].pod_name,
				    "coredns-76f75df574-x7k2p");
		decoded_fini(&d);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_nil_mean_ready),
		cmocka_unit_test(every_field),
		cmocka_unit_test(last_weight_counts),
		cmocka_unit_test(hints_are_counted),
		cmocka_unit_test(bad_weights_are_ignored),
		cmocka_unit_test(slices_that_are_not_ours),
		cmocka_unit_test(refused_parts),
		cmocka_unit_test(port_name_nil),
		cmocka_unit_test(headless_label),
		cmocka_unit_test(lenient_skips_endpoints),
		cmocka_unit_test(endpoints_become_slices),
		cmocka_unit_test(small_kinds),
		cmocka_unit_test(kubectl_output),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
