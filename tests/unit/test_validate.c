/* What an API server refuses and what it takes: a row for each rule of docs/manifests.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/decoded.h"

struct rule {
	const char *text;   /* in place of %s in the frame */
	const char *reason; /* the one problem's field and reason, "!" in front of an error; "" = fine */
};

/* The problem of a document, without line, kind and name. */
static void assert_rule(const char *frame_before, const struct rule *r, const char *frame_after)
{
	struct buf text = {0}, is = {0};
	struct decoded d;

	buf_printf(&text, "%s%s%s", frame_before, r->text, frame_after);
	decode_text(&d, text.data, false);
	const char *line = d.problems.data, *name = strstr(line, "n/x: ");
	if (name != NULL)
		buf_printf(&is, "%s%s", line[0] == '!' ? "!" : "", name + strlen("n/x: "));
	else
		buf_puts(&is, line);
	if (is.length_bytes != 0 && is.data[is.length_bytes - 1] == '\n')
		is.data[is.length_bytes - 1] = '\0';
	assert_string_equal(is.length_bytes != 0 ? is.data : "", r->reason);
	assert_int_equal(d.count == 1, r->reason[0] != '!');
	decoded_fini(&d);
	buf_fini(&text);
	buf_fini(&is);
}

#define ASSERT_RULES(rules, before, after)                                \
	do {                                                              \
		for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) \
			assert_rule(before, &rules[i], after);            \
	} while (0)

/* ---- ObjectMeta ---- */

#define KEY63 "a23456789012345678901234567890123456789012345678901234567890123"
#define NO_KEY "its key is not a label name"
#define NO_VALUE " is not a label value (at most 63 of a-z, A-Z, 0-9, -, _, .)"

static const struct rule meta_rules[] = {
	{"labels: {a: b, A_1.b: C_1.d, example.com/a: ''}", ""},
	{"labels: {'': b}", "!metadata.labels.: " NO_KEY},
	{"labels: {-a: b}", "!metadata.labels.-a: " NO_KEY},
	{"labels: {a b: b}", "!metadata.labels.a b: " NO_KEY},
	{"labels: {Example.com/a: b}", "!metadata.labels.Example.com/a: " NO_KEY},
	{"labels: {/a: b}", "!metadata.labels./a: " NO_KEY},
	{"labels: {a/b/c: b}", "!metadata.labels.a/b/c: " NO_KEY},
	{"labels: {" KEY63 ": " KEY63 "}", ""},
	{"labels: {" KEY63 "4: b}", "!metadata.labels." KEY63 "4: " NO_KEY},
	{"labels: {a: " KEY63 "4}", "!metadata.labels.a: \"" KEY63 "4\"" NO_VALUE},
	{"labels: {a: b c}", "!metadata.labels.a: \"b c\"" NO_VALUE},
	{"labels: {a: b/c}", "!metadata.labels.a: \"b/c\"" NO_VALUE},
	{"labels: {a: b-}", "!metadata.labels.a: \"b-\"" NO_VALUE},
	{"labels: {a: ~}", ""}, /* the empty text */
	{"annotations: {Example.COM/a: 'any text, even / this'}", ""},
	{"annotations: {a b: ''}", "!metadata.annotations.a b: its key is not an annotation's name"},
	{"generation: -1", "!metadata.generation: -1 is not in 0…9223372036854775807"},
	{"finalizers: [example.com/a]", ""},
	{"finalizers: [a b]", "!metadata.finalizers[0]: \"a b\" is not a label name (a-z, A-Z, 0-9, -, _, . and a "
			      "DNS name with / before)"},
	{"finalizers: [orphan, foregroundDeletion]",
	 "!metadata.finalizers: orphan and foregroundDeletion exclude each other"},
	{"ownerReferences: [{apiVersion: v1, kind: Pod, name: p, uid: u, controller: true}]", ""},
	{"ownerReferences: [{apiVersion: v1, kind: Pod, name: p}]", "!metadata.ownerReferences[0].uid: missing"},
	{"ownerReferences: [{apiVersion: v1, kind: Event, name: p, uid: u}]",
	 "!metadata.ownerReferences[0]: an Event cannot be an owner"},
	{"ownerReferences: [{apiVersion: v1, kind: Pod, name: p, uid: u, controller: true}, "
	 "{apiVersion: v1, kind: Pod, name: q, uid: v, controller: true}]",
	 "!metadata.ownerReferences: more than one owner is the controller"},
	{"managedFields: [{manager: k, operation: Update, fieldsType: FieldsV1, fieldsV1: {f: {}}}]", ""},
	{"managedFields: [{manager: k, operation: Edit}]",
	 "!metadata.managedFields[0].operation: \"Edit\" is none of Apply, Update"},
	{"managedFields: [{operation: Apply, fieldsType: V2}]",
	 "!metadata.managedFields[0].fieldsType: \"V2\" is not FieldsV1"},
	{"resourceVersion: '12', uid: u, selfLink: /a, creationTimestamp: null", ""}, /* as exported */
	{"creationTimestamp: '2026-11-30T08:00:00Z'", ""},
	{"creationTimestamp: 2026-11-30T08:00:00.5+01:00", ""},
	{"creationTimestamp: '1970-01-01T00:00:00Z'", ""},
	{"creationTimestamp: foo", "!metadata.creationTimestamp: \"foo\" is not a time such as 2006-01-02T15:04:05Z"},
	{"creationTimestamp: '2026-11-30T08:00:00+01:00x'",
	 "!metadata.creationTimestamp: \"2026-11-30T08:00:00+01:00x\" is not a time such as 2006-01-02T15:04:05Z"},
};

static void of_metadata(void **state)
{
	(void)state;
	ASSERT_RULES(meta_rules, "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: n, ",
		     "}\nspec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}\n");
}

static void annotations_have_a_size(void **state)
{
	struct buf text = {0};
	struct decoded d;

	(void)state;
	buf_puts(&text, "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n  annotations:\n    a: '");
	for (size_t i = 0; i < 256 * 1024; i++)
		buf_puts(&text, "b");
	buf_puts(&text, "'\n");
	decode_text(&d, text.data, false);
	assert_string_equal(d.problems.data, "!6 Namespace x: metadata.annotations: 262145 bytes, more than 262144\n");
	decoded_fini(&d);
	buf_fini(&text);
}

/* ---- Service ---- */

#define PORT "ports: [{port: 80}], "
#define ONLY_LB "only with type LoadBalancer"

static const struct rule service_rules[] = {
	/* defaults come first: an empty text is as good as none */
	{"type: '', sessionAffinity: '', externalTrafficPolicy: '', ports: [{port: 80, protocol: '', targetPort: ''}]",
	 ""},
	{PORT "sessionAffinity: None, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}", ""},
	{PORT "sessionAffinity: ClientIP, sessionAffinityConfig: {}", ""},
	{PORT "internalTrafficPolicy: ''", "!spec.internalTrafficPolicy: \"\" is none of Cluster, Local"},
	/* ports */
	{"ports: [{port: 80, appProtocol: kubernetes.io/h2c}]", ""},
	{"ports: [{port: 80, appProtocol: ''}]",
	 "!spec.ports[0].appProtocol: \"\" is not a label name (a-z, A-Z, 0-9, -, _, . and a DNS name with / before)"},
	{"ports: [{port: 80, targetPort: 0}]", ""},
	{"ports: [{port: 80, targetPort: [http]}]",
	 "!spec.ports[0].targetPort: a number or a string is expected, not a list"},
	{"ports: [{port: 80, targetPort: {a: b}}]",
	 "!spec.ports[0].targetPort: a number or a string is expected, not a map"},
	{"ports: [{port: 80, targetPort: true}]",
	 "!spec.ports[0].targetPort: a number or a string is expected, not a boolean: put it in quotes"},
	{"ports: [{port: 80, targetPort: yes}]",
	 "!spec.ports[0].targetPort: yes is a boolean in YAML 1.1: put it in quotes"},
	{"ports: [{port: 80, targetPort: 80.5}]", "!spec.ports[0].targetPort: 80.5 is not in 1…65535"},
	{"ports: [{port: 80, targetPort: a--b}]",
	 "!spec.ports[0].targetPort: \"a--b\" is neither a port number nor a port name"},
	{"type: LoadBalancer, ports: [{port: 10250}]",
	 "!spec.ports: port 10250 is the kubelet's: not with type LoadBalancer"},
	{"type: NodePort, ports: [{port: 10250}]", ""},
	/* selector */
	{PORT "selector: {app: web}", ""},
	{PORT "selector: {app: -web}", "!spec.selector.app: \"-web\"" NO_VALUE},
	{PORT "selector: {app: 1}", "!spec.selector.app: a string is expected, not a number: put it in quotes"},
	{PORT "selector: [web]", "!spec.selector: a map is expected, not a list"},
	/* families */
	{PORT "ipFamilies: [IPv4], ipFamilyPolicy: SingleStack", ""},
	{PORT "ipFamilyPolicy: DualStack",
	 "!spec.ipFamilyPolicy: \"DualStack\" is none of SingleStack, PreferDualStack, RequireDualStack"},
	{PORT "ipFamilies: [IPv4, IPv4]", "!spec.ipFamilies: IPv4 is there twice"},
	{PORT "clusterIPs: [10.96.0.01]", "!spec.clusterIPs: the first address is not the clusterIP"}, /* as text */
	/* external addresses: multicast is fine but for link-local */
	{PORT "externalIPs: [225.1.2.3]", "spec.externalIPs: 225.1.2.3 is a multicast address: not used"},
	{PORT "externalIPs: ['ff05::1']", "spec.externalIPs: ff05::1 is a multicast address: not used"},
	{PORT "externalIPs: [224.0.0.255]", "!spec.externalIPs: 224.0.0.255 is a link-local multicast address"},
	{PORT "externalIPs: ['ff12::1']", "!spec.externalIPs: ff12::1 is a link-local multicast address"},
	{PORT "externalIPs: [0.0.0.0]", "!spec.externalIPs: 0.0.0.0 is the unspecified address"},
	/* what only some types have */
	{PORT "loadBalancerSourceRanges: [10.0.0.0/8]",
	 "!spec.loadBalancerSourceRanges: only with type LoadBalancer, or with the annotation fairlead/source-ranges: "
	 "all"},
	{PORT "loadBalancerSourceRanges: []", ""},
	{PORT "type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8]", ""},
	{PORT "allocateLoadBalancerNodePorts: false", "!spec.allocateLoadBalancerNodePorts: " ONLY_LB},
	{PORT "type: LoadBalancer, allocateLoadBalancerNodePorts: false", ""},
	{PORT "loadBalancerClass: a", "!spec.loadBalancerClass: " ONLY_LB},
	{PORT "type: LoadBalancer, loadBalancerClass: example.com/a", ""},
	{PORT "type: LoadBalancer, loadBalancerClass: a b",
	 "!spec.loadBalancerClass: \"a b\" is not a label name (a-z, A-Z, 0-9, -, _, . and a DNS name with / before)"},
	{PORT "externalTrafficPolicy: Local",
	 "!spec.externalTrafficPolicy: only with type NodePort or LoadBalancer, or with externalIPs"},
	{PORT "externalTrafficPolicy: Local, externalIPs: [198.51.100.1]", ""},
	{PORT "externalTrafficPolicy: Local, type: NodePort", ""},
	{PORT "healthCheckNodePort: 31000",
	 "spec.healthCheckNodePort: ignored: only with type LoadBalancer and externalTrafficPolicy Local"},
	{PORT "healthCheckNodePort: 31000, externalTrafficPolicy: Local, type: LoadBalancer", ""},
	{PORT "trafficDistribution: PreferClose", ""},
	{PORT "trafficDistribution: PreferSameNode", ""},
	{PORT "trafficDistribution: Near",
	 "!spec.trafficDistribution: \"Near\" is none of PreferClose, PreferSameZone, PreferSameNode"},
};

static void of_services(void **state)
{
	(void)state;
	ASSERT_RULES(service_rules,
		     "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: n}\n"
		     "spec: {clusterIP: 10.96.0.1, ",
		     "}\n");
}

static const struct rule external_name_rules[] = {
	{"externalName: a.b, ports: [{port: 80, nodePort: 30000}]", ""}, /* only type ClusterIP forbids node ports */
	{"externalName: a.b, ipFamilies: []", ""},
	{"externalName: a.b, ipFamilies: [IPv4]", "!spec.ipFamilies: must not be set with type ExternalName"},
	{"externalName: a.b, ipFamilyPolicy: SingleStack",
	 "!spec.ipFamilyPolicy: must not be set with type ExternalName"},
	{"externalName: A.b", "!spec.externalName: \"A.b\" is not a DNS name (a-z, 0-9, -, .)"},
};

static const struct rule annotation_rules[] = {
	{"service.kubernetes.io/topology-mode: Auto, service.kubernetes.io/topology-aware-hints: Auto", ""},
	{"service.kubernetes.io/topology-mode: Auto, service.kubernetes.io/topology-aware-hints: auto",
	 "!the annotations topology-aware-hints and topology-mode of service.kubernetes.io differ"},
	{"service.beta.kubernetes.io/load-balancer-source-ranges: 10.0.0.0/8",
	 "!metadata.annotations.service.beta.kubernetes.io/load-balancer-source-ranges: " ONLY_LB},
	{"service.beta.kubernetes.io/load-balancer-source-ranges: ' 10.0.0.0/8, fd00::/8 '}}\nspec: {type: "
	 "LoadBalancer, "
	 "clusterIP: 10.96.0.1, ports: [{port: 80}], selector: {a: b",
	 "metadata.annotations.service.beta.kubernetes.io/load-balancer-source-ranges: not used: write "
	 "spec.loadBalancerSourceRanges"},
	{"service.beta.kubernetes.io/load-balancer-source-ranges: '10.0.0.0/8,bogus'}}\nspec: {type: LoadBalancer, "
	 "clusterIP: 10.96.0.1, ports: [{port: 80}], selector: {a: b",
	 "!metadata.annotations.service.beta.kubernetes.io/load-balancer-source-ranges: \"bogus\" is not a range such "
	 "as "
	 "10.0.0.0/8"},
	{"fairlead/source-ranges: all}}\nspec: {loadBalancerSourceRanges: [10.0.0.0/8], clusterIP: 10.96.0.1, "
	 "ports: [{port: 80}], selector: {a: b",
	 ""},
};

static void of_other_services(void **state)
{
	(void)state;
	ASSERT_RULES(external_name_rules,
		     "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: n}\nspec: {type: ExternalName, ",
		     "}\n");
	for (size_t i = 0; i < 3; i++)
		assert_rule("apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: n, annotations: {",
			    &annotation_rules[i], "}}\nspec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}\n");
	assert_rule("apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: n, annotations: {",
		    &annotation_rules[3], "}}\n");
	assert_problems("apiVersion: v1\nkind: Service\nmetadata: {name: x}\n"
			"spec: {clusterIPs: [10.96.0.1], ports: [{port: 80}]}\n",
			"4 Service default/x: spec.clusterIP: missing: an API server refuses clusterIPs without it\n");
}

/* ---- EndpointSlice, Endpoints ---- */

#define ADDRESSES "endpoints: [{addresses: [10.1.0.1], "
#define ZONE "{name: a}, "
#define KEYS4(a) #a "0: b, " #a "1: b, " #a "2: b, " #a "3: b, "

static const struct rule slice_rules[] = {
	{ADDRESSES "nodeName: n1.example, hostname: a, zone: 'any text'}]", ""},
	{ADDRESSES "nodeName: ''}]", "!endpoints[0].nodeName: \"\" is not the name of a node"},
	{ADDRESSES "hostname: ''}]", "!endpoints[0].hostname: \"\" is not a DNS label"},
	{ADDRESSES "hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: n}]}}]", ""},
	{ADDRESSES "hints: {forZones: [{name: a}, {name: a}]}}]", "!endpoints[0].hints.forZones: \"a\" is there twice"},
	{ADDRESSES "hints: {forZones: [{name: a b}]}}]",
	 "!endpoints[0].hints.forZones[0].name: \"a b\" is not the name of a zone (a label value)"},
	{ADDRESSES "hints: {forNodes: [{name: A}]}}]",
	 "!endpoints[0].hints.forNodes[0].name: \"A\" is not the name of a node"},
	{ADDRESSES "hints: {forNodes: [" ZONE ZONE ZONE ZONE ZONE ZONE ZONE ZONE "{name: a}]}}]",
	 "!endpoints[0].hints.forNodes: more than 8 hints"},
	{ADDRESSES "deprecatedTopology: {a/b: c}}]", ""},
	{ADDRESSES "deprecatedTopology: {a: -}}]", "!endpoints[0].deprecatedTopology.a: \"-\"" NO_VALUE},
	{ADDRESSES "deprecatedTopology: {" KEYS4(a) KEYS4(b) KEYS4(c) KEYS4(d) "e: f}}]",
	 "!endpoints[0].deprecatedTopology: more than 16 labels"},
	{"endpoints: [{addresses: [224.0.1.1]}]",
	 "endpoints[0].addresses[0]: 224.0.1.1 is a multicast address: not used"},
	{"endpoints: [{addresses: [224.0.0.1]}]",
	 "!endpoints[0].addresses[0]: 224.0.0.1 is a link-local multicast address"},
	{"endpoints: [{addresses: [~]}]", "!endpoints[0].addresses[0]: a string is expected, not a null"},
	{"endpoints: []\nports: [{port: 80}, {port: 81, name: a}]", ""}, /* one name may be empty */
	{"endpoints: []\nports: [{port: 80, protocol: ''}]", "!ports[0].protocol: \"\" is not one of TCP, UDP, SCTP"},
	{"endpoints: []\nports: [{port: 80, appProtocol: a b}]",
	 "!ports[0].appProtocol: \"a b\" is not a label name (a-z, A-Z, 0-9, -, _, . and a DNS name with / before)"},
};

static void of_slices(void **state)
{
	(void)state;
	ASSERT_RULES(
		slice_rules,
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		"metadata: {name: x, namespace: n, labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\n",
		"\n");
	assert_problems(
		"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: x}\n"
		"addressType: FQDN\nendpoints: [{addresses: [a.example., b, a_b.c]}]\n",
		"!5 EndpointSlice default/x: endpoints[0].addresses[1]: \"b\" is not a fully qualified name\n"
		"!5 EndpointSlice default/x: endpoints[0].addresses[2]: \"a_b.c\" is not a fully qualified name\n"
		"4 EndpointSlice default/x: addressType: FQDN slices are not used\n");
	/* a slice of no Service is valid, or not, all the same */
	assert_problems("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: x}\n"
			"addressType: IPv4\nendpoints: [{addresses: [10.0.0.256]}]\n",
			"!5 EndpointSlice default/x: endpoints[0].addresses[0]: \"10.0.0.256\" is not an IPv4 address\n"
			"3 EndpointSlice default/x: metadata.labels.kubernetes.io/service-name: missing: the slice "
			"belongs to no Service\n");
}

static const struct rule subset_rules[] = {
	{"addresses: [{ip: 10.1.0.1, hostname: ''}], ports: [{port: 80, protocol: ''}]", ""},
	{"notReadyAddresses: [{ip: 10.1.0.1}]", ""},
	{"ports: [{port: 80}]", "!subsets[0]: neither addresses nor notReadyAddresses"},
	{"addresses: [{ip: 10.1.0.1, nodeName: ''}]",
	 "!subsets[0].addresses[0].nodeName: \"\" is not the name of a node"},
	{"addresses: [{ip: 10.1.0.1}], ports: [{port: 80}, {port: 81, name: a}]",
	 "!subsets[0].ports[0].name: missing: names are required when there are several ports"},
	{"addresses: [{ip: 10.1.0.1}], ports: [{port: 80, name: a}, {port: 81, name: a}]", ""},
	{"addresses: [{ip: 169.254.1.1}]", "!subsets[0].addresses[0].ip: 169.254.1.1 is a link-local address"},
};

static void of_endpoints(void **state)
{
	(void)state;
	ASSERT_RULES(subset_rules, "apiVersion: v1\nkind: Endpoints\nmetadata: {name: x, namespace: n}\nsubsets: [{",
		     "}]\n");
}

/* What an API server sends has passed there: nothing of this is said of it. */
static void objects_of_an_api_server_are_not_validated(void **state)
{
	struct decoded d;

	(void)state;
	decode_text(&d,
		    "apiVersion: v1\nkind: Service\nmetadata: {name: x, labels: {-a: b c}, newField: 1}\n"
		    "spec: {clusterIP: 10.96.0.1, selector: {a: -}, trafficDistribution: Newer, newField: {a: b},\n"
		    "  externalTrafficPolicy: Local, ports: [{port: 80, appProtocol: ''}]}\n",
		    true);
	assert_string_equal(d.problems.data, "");
	assert_int_equal(d.count, 1);
	decoded_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_metadata),
		cmocka_unit_test(annotations_have_a_size),
		cmocka_unit_test(of_services),
		cmocka_unit_test(of_other_services),
		cmocka_unit_test(of_slices),
		cmocka_unit_test(of_endpoints),
		cmocka_unit_test(objects_of_an_api_server_are_not_validated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
