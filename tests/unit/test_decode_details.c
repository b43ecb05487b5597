/* What watch/lab/ needs of Pods and workloads in manifests, and what of them is refused. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/decoded.h"

#define HEAD "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {b: x, a: 'y'}"
#define POD(meta, spec, status) HEAD meta "}\nspec: {" spec "}\nstatus: {" status "}\n"
#define PORTS(ports) "containers: [{name: c, ports: [" ports "]}]"

static const struct pod_object *one_pod(struct decoded *d, const char *text, bool lenient)
{
	decode_text(d, text, lenient);
	assert_string_equal(d->problems.data, "");
	assert_int_equal(d->count, 1);
	return (const struct pod_object *)d->objects[0];
}

static void details(void **state)
{
	static const char text[] = POD(", deletionTimestamp: '2026-01-01T00:00:00Z'",
				       "hostname: h, subdomain: s, " PORTS(
					       "{name: web, containerPort: 80}, {containerPort: 53, protocol: UDP}"),
				       "podIP: 10.1.0.1");
	static const struct pod_details none;
	struct decoded d;
	const struct pod_object *p = one_pod(&d, text, false);

	(void)state;
	assert_int_equal(p->details.label_count, 2);
	assert_string_equal(p->details.labels[0].key, "a"); /* sorted */
	assert_string_equal(p->details.hostname, "h");
	assert_string_equal(p->details.subdomain, "s");
	assert_true(p->details.ready && p->details.terminating);
	assert_int_equal(p->details.port_count, 2);
	assert_string_equal(p->details.ports[0].name, "web");
	assert_int_equal(p->details.ports[1].proto, IPPROTO_UDP);
	decoded_fini(&d);
	p = one_pod(&d, text, true); /* an API server's: a change of them is none */
	assert_memory_equal(&p->details, &none, sizeof none);
	assert_int_equal(p->addr_count, 1);
	decoded_fini(&d);
}

static void what_is_refused(void **state)
{
	static const struct {
		const char *text, *problem; /* behind "Pod default/p: " */
	} cases[] = {
		{POD("", PORTS("{containerPort: 0}"), ""),
		 "spec.containers[0].ports[0].containerPort: 0 is not in 1…65535"},
		{POD("", PORTS("{name: web}"), ""), "spec.containers[0].ports[0].containerPort: missing"},
		{POD("", PORTS("{containerPort: '80'}"), ""),
		 "spec.containers[0].ports[0].containerPort: a number is expected, not a string"},
		{POD("", PORTS("{containerPort: 80, protocol: tcp}"), ""),
		 "spec.containers[0].ports[0].protocol: \"tcp\" is none of TCP, UDP, SCTP"},
		{POD("", PORTS("{name: Web, containerPort: 80}"), ""),
		 "spec.containers[0].ports[0].name: \"Web\" is not a port name (15 of a-z, 0-9, -, one letter)"},
		{POD("", PORTS("{name: a, containerPort: 80}, {name: a, containerPort: 81}"), ""),
		 "spec.containers[0].ports: two ports are named \"a\""},
		{POD("", "containers: {name: c}", ""), "spec.containers: a list is expected, not a map"},
		{POD("", "hostname: a.b", ""), "spec.hostname: \"a.b\" is not a DNS label (a-z, 0-9, -)"},
		{POD("", "nodeName: N_1", ""), "spec.nodeName: \"N_1\" is not a DNS name (a-z, 0-9, -, .)"},
		{POD("", "", "podIPs: [{ip: 10.1.0.1}, {ip: 10.1.0.2}]"),
		 "status.podIPs: more than one address of a family"},
		{POD("", "", "podIPs: [{ip: x}]"), "status.podIPs[0].ip: \"x\" is not an IP address"},
		{POD(", annotations: {fairlead/pod-ip: '10.1.0.1, x'}", "", ""),
		 "metadata.annotations.fairlead/pod-ip: \"x\" is not an IP address"},
		{POD(", annotations: {fairlead/pod-ip: '10.1.0.1, fd00::1, fd00::2'}", "", ""),
		 "metadata.annotations.fairlead/pod-ip: more than 2 addresses"},
	};
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		decode_text(&d, cases[i].text, false);
		const char *at = strstr(d.problems.data, "Pod default/p: ");
		assert_non_null(at);
		assert_int_equal(d.problems.data[0], '!');
		assert_int_equal(strncmp(at + strlen("Pod default/p: "), cases[i].problem, strlen(cases[i].problem)),
				 0);
		assert_string_equal(strchr(at, '\n'), "\n"); /* one line */
		assert_int_equal(d.count, 0);
		decoded_fini(&d);
	}
}

static void workloads(void **state)
{
	struct decoded d;
	const struct workload_object *w;

	(void)state;
	decode_text(&d,
		    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
		    "spec: {replicas: 0, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web, "
		    "v: b}}}}\n---\n"
		    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\n---\n"
		    "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: d}\nspec: {template: {metadata: {labels: "
		    "{a: b}}}}\n",
		    false);
	assert_string_equal(d.problems.data, "");
	assert_int_equal(d.count, 3);
	w = (const struct workload_object *)d.objects[0];
	assert_int_equal(w->object.kind, OBJECT_DEPLOYMENT);
	assert_true(w->none);
	assert_int_equal(w->label_count, 1);
	w = (const struct workload_object *)d.objects[1];
	assert_string_equal(w->labels[0].value, "once");
	w = (const struct workload_object *)d.objects[2];
	assert_false(w->none);
	assert_string_equal(w->labels[0].key, "a");
	decoded_fini(&d);
	assert_problems("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: many}\n",
			"!4 Deployment default/web: spec.replicas: a number is expected, not a string\n");
}

static size_t lines_in(const char *text)
{
	size_t lines = 0;

	while ((text = strchr(text, '\n')) != NULL) {
		text++;
		lines++;
	}
	return lines;
}

/* A text of commas is thousands of wrong names: they are not all told, but always why an object is refused. */
static void many_problems(void **state)
{
	struct buf text = {0};
	struct decoded d;

	(void)state;
	buf_puts(&text, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  labels: {");
	for (unsigned i = 0; i < 5000; i++)
		buf_printf(&text, "%sx%u: 1", i != 0 ? ", " : "", i); /* numbers are no labels */
	buf_puts(&text, "}\nspec: {containers: []}\nstatus: {podIPs: [{ip: x}]}\n");
	decode_text(&d, text.data, true);
	assert_int_equal(lines_in(d.problems.data), 1000);
	decoded_fini(&d);
	buf_clear(&text);
	buf_puts(&text, "apiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: {fairlead/hostname: \"");
	for (unsigned i = 0; i < 5000; i++)
		buf_puts(&text, "_,");
	buf_puts(&text, "\", fairlead/endpoints: a b}}\nspec: {ports: [{port: 80}]}\n");
	decode_text(&d, text.data, false);
	assert_int_equal(lines_in(d.problems.data), 1001); /* the last one refuses */
	assert_non_null(strchr(d.problems.data, '!'));
	assert_string_equal(d.refused.data, "Service default/a\n");
	decoded_fini(&d);
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(details),
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(workloads),
		cmocka_unit_test(many_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
