/* Unknown and misplaced fields of manifests, and what was probably meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/decoded.h"

#define SERVICE(root, meta, spec, port)                                                           \
	"apiVersion: v1\nkind: Service\n" root "metadata: {name: web, namespace: prod" meta "}\n" \
	"spec: {clusterIP: 10.96.0.1" spec ", ports: [{port: 80" port "}]}\n"
#define SLICE(root, endpoint)                                                                                       \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"                                                    \
	"metadata: {name: a, namespace: prod, labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\n" root \
	"endpoints: [{addresses: [10.1.0.1]" endpoint "}]\n"

static void unknown_is(const char *text, const char *where, const char *meant)
{
	struct buf expected = {0};
	struct decoded d;

	buf_printf(&expected, "%s: unknown field, ignored", where);
	if (meant != NULL)
		buf_printf(&expected, "; did you mean %s?", meant);
	buf_puts(&expected, "\n");
	decode_text(&d, text, false);
	const char *colon = strstr(d.problems.data, ": ");
	assert_non_null(colon);
	assert_string_equal(colon + 2, expected.data);
	assert_int_equal(d.problems.data[0] == '!', 0);
	assert_int_equal(d.count, 1); /* a warning: the object is used */
	decoded_fini(&d);
	buf_fini(&expected);
}

static void typing_mistakes(void **state)
{
	(void)state;
	unknown_is(SERVICE("", "", ", externalIps: [198.51.100.1]", ""), "spec.externalIps", "externalIPs");
	unknown_is(SERVICE("", "", ", loadBalancerSourceRange: []", ""), "spec.loadBalancerSourceRange",
		   "loadBalancerSourceRanges");
	unknown_is(SERVICE("", "", "", ", protocl: UDP"), "spec.ports[0].protocl", "protocol");
	unknown_is(SERVICE("", "", "", ", targetport: 81"), "spec.ports[0].targetport", "targetPort");
	unknown_is(SERVICE("", "", "", ", nodeprot: 30080"), "spec.ports[0].nodeprot", "nodePort");
	unknown_is(SERVICE("", ", lables: {a: b}", "", ""), "metadata.lables", "labels");
	unknown_is(SLICE("", ", condition: {ready: false}"), "endpoints[0].condition", "conditions");
	unknown_is(SLICE("", ", conditions: {redy: false}"), "endpoints[0].conditions.redy", "ready");
}

static void misplaced(void **state)
{
	(void)state;
	unknown_is(SERVICE("externalTrafficPolicy: Local\n", "", "", ""), "externalTrafficPolicy",
		   "spec.externalTrafficPolicy");
	unknown_is(SERVICE("", "", "", ", externalTrafficPolicy: Local"), "spec.ports[0].externalTrafficPolicy",
		   "spec.externalTrafficPolicy");
	unknown_is(SERVICE("", "", ", nodePort: 30080", ""), "spec.nodePort", "spec.ports[].nodePort");
	unknown_is(SERVICE("", "", ", timeoutSeconds: 5", ""), "spec.timeoutSeconds",
		   "spec.sessionAffinityConfig.clientIP.timeoutSeconds");
	unknown_is(SERVICE("labels: {a: b}\n", "", "", ""), "labels", "metadata.labels");
	unknown_is(SLICE("", ", ready: false"), "endpoints[0].ready", "endpoints[].conditions.ready");
	unknown_is(SLICE("", ", forZones: [{name: a}]"), "endpoints[0].forZones", "endpoints[].hints.forZones");
	unknown_is(SLICE("servng: true\n", ""), "servng", "endpoints[].conditions.serving"); /* both mistakes */
}

static void nothing_is_near(void **state)
{
	(void)state;
	unknown_is(SERVICE("", "", ", colour: red", ""), "spec.colour", NULL);
	unknown_is(SERVICE("x-anchors: {a: b}\n", "", "", ""), "x-anchors", NULL);
}

static void other_kinds(void **state)
{
	(void)state;
	unknown_is("apiVersion: v1\nkind: Endpoints\nmetadata: {name: web}\n"
		   "subsets: [{addresses: [{ip: 10.1.0.1, hostName: a}]}]\n",
		   "subsets[0].addresses[0].hostName", "hostname");
	unknown_is("apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\nstats: {}\n", "stats", "status");
	unknown_is("apiVersion: v1\nkind: Node\nmetadata: {name: web}\nspec: {podCidr: 10.1.0.0/24}\n", "spec.podCidr",
		   "podCIDR");
	unknown_is("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {nodename: a}\n", "spec.nodename",
		   "nodeName");
	unknown_is("apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: web}\nspec: {cidr: a}\n",
		   "spec.cidr", "cidrs");
	assert_problems("apiVersion: v1\nkind: List\nitem: []\n",
			"3 item: unknown field, ignored; did you mean items?\n");
}

/* A null says nothing of its type, also where the field is. */
static void known_fields_are_quiet(void **state)
{
	(void)state;
	assert_problems(
		SERVICE("status: {loadBalancer: {ingress: [{hostname: a.b, ports: [{port: 80, protocol: TCP}]}]}, "
			"conditions: []}\n",
			", generateName: web-, creationTimestamp: null, ownerReferences: ~",
			", selector: null, loadBalancerIP: 198.51.100.1, ipFamilyPolicy: SingleStack",
			", appProtocol: http"),
		"");
	assert_problems("apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems: []\n", "");
}

/* As sigs.k8s.io/yaml reads it for kubectl, and an API server refuses it. */
static void old_booleans_are_no_texts(void **state)
{
	(void)state;
	assert_problems(SERVICE("", ", labels: {a: yes}", "", ""),
			"!3 Service prod/web: metadata.labels.a: yes is a boolean in YAML 1.1: put it in quotes\n");
	assert_problems(SERVICE("", "", "", ", name: no"),
			"!4 Service prod/web: spec.ports[0].name: no is a boolean in YAML 1.1: put it in quotes\n");
	assert_problems(SERVICE("", ", labels: {a: 'yes', b: \"on\"}", ", publishNotReadyAddresses: off", ", name: y"),
			"");
}

static void many_are_bounded(void **state)
{
	struct buf text = {0};
	struct decoded d;
	size_t lines = 0;

	(void)state;
	buf_puts(&text, "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n");
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(&text, "field%u: 1\n", i);
	decode_text(&d, text.data, false);
	for (const char *at = d.problems.data; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 100);
	decoded_fini(&d);
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typing_mistakes),	  cmocka_unit_test(misplaced),
		cmocka_unit_test(nothing_is_near),	  cmocka_unit_test(other_kinds),
		cmocka_unit_test(known_fields_are_quiet), cmocka_unit_test(old_booleans_are_no_texts),
		cmocka_unit_test(many_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
