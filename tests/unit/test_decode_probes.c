/* Probes of Pods and the annotations fairlead/probe and fairlead/when-all-fail: what is read, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/decoded.h"

#define POD(container)                                                                                       \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, ports: [{name: web, " \
	"containerPort: 8080}], " container "}]}\n"
#define SERVICE(annotations)                                                            \
	"apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {" annotations \
	"}}\nspec: {ports: [{port: 80}]}\n"
#define GIVEN "fairlead/endpoints: 10.1.0.1, "

/* "http :8080/x 0+10000/1000 1 3", then headers. */
static const char *text_of(const struct probe_object *p)
{
	static const char *const names[] = {"none", "http", "https", "tcp", "grpc", "exec"};
	static char text[512];
	char host[ADDR_TEXT_BYTES];
	int n = snprintf(text, sizeof text, "%s %s:%u%s %u+%u/%u %u %u", names[p->action], addr_format(&p->host, host),
			 p->port, p->path != NULL ? p->path : "", p->initial_delay_ms, p->period_ms, p->timeout_ms,
			 p->success_threshold, p->failure_threshold);

	for (size_t i = 0; i < p->header_count; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, " %s=%s", p->headers[i].name, p->headers[i].value);
	for (size_t i = 0; i < p->command_count; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, " '%s'", p->command[i]);
	if (p->netns != NULL)
		snprintf(text + n, sizeof text - (size_t)n, " in %s", p->netns);
	return text;
}

static void of_pods(void **state)
{
	static const struct {
		const char *yaml, *probe;
	} cases[] = {
		{POD("readinessProbe: {httpGet: {port: 80}}"), "http :80/ 0+10000/1000 1 3"},
		{POD("readinessProbe: {httpGet: {port: web, path: healthz, scheme: HTTPS}}"),
		 "https :8080/healthz 0+10000/1000 1 3"},
		{POD("readinessProbe: {httpGet: {port: 81, path: '/a?b=c', host: 10.1.0.9, httpHeaders: [{name: "
		     "Host, value: "
		     "a.b}, {name: X-Empty, value: ''}]}}"),
		 "http 10.1.0.9:81/a?b=c 0+10000/1000 1 3 Host=a.b X-Empty="},
		{POD("readinessProbe: {tcpSocket: {port: web}, initialDelaySeconds: 5, periodSeconds: 2, "
		     "timeoutSeconds: 3, "
		     "successThreshold: 4, failureThreshold: 6}"),
		 "tcp :8080 5000+2000/3000 4 6"},
		{POD("readinessProbe: {grpc: {port: 9000}}"), "grpc :9000 0+10000/1000 1 3"},
		{POD("readinessProbe: {grpc: {port: 9000, service: shop.v1.Cart}}"),
		 "grpc :9000shop.v1.Cart 0+10000/1000 1 3"},
		{POD("livenessProbe: {tcpSocket: {port: 2}}, readinessProbe: {tcpSocket: {port: 1}, periodSeconds: "
		     "200000, "
		     "failureThreshold: 5000}"),
		 "tcp :1 0+86400000/1000 1 5000"},
		{POD("readinessProbe: {exec: {command: [sh, -c, 'a b', '']}, periodSeconds: 3}"),
		 "exec :0 0+3000/1000 1 3 'sh' '-c' 'a b' ''"},
		{"apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {fairlead/probe-netns: blue}}\nspec: "
		 "{containers: [{name: c, readinessProbe: {exec: {command: [/check]}}}]}\n",
		 "exec :0 0+10000/1000 1 3 '/check' in blue"},
		{POD("readinessProbe: {tcpSocket: {port: 1}, initialDelaySeconds: 0, periodSeconds: 0, timeoutSeconds: "
		     "0, "
		     "successThreshold: 0, failureThreshold: 0}"),
		 "tcp :1 0+10000/1000 1 3"},
	};
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		decode_text(&d, cases[i].yaml, false);
		assert_string_equal(d.problems.data, "");
		const struct pod_details *pod = &((const struct pod_object *)d.objects[0])->details;
		assert_int_equal(pod->probe_count, 1);
		assert_string_equal(pod->probes[0].container, "c");
		assert_string_equal(text_of(&pod->probes[0].of[PROBE_READINESS]), cases[i].probe);
		assert_int_equal(pod->probes[0].of[PROBE_STARTUP].action, PROBE_NONE);
		decoded_fini(&d);
	}
}

/* Of an API server nothing is probed: its kubelets do it. */
static void of_an_api_server(void **state)
{
	struct decoded d;

	(void)state;
	decode_text(&d, POD("readinessProbe: {httpGet: {port: 80}}, livenessProbe: {exec: {command: [reboot]}}"), true);
	assert_int_equal(((const struct pod_object *)d.objects[0])->details.probe_count, 0);
	decoded_fini(&d);
	decode_text(&d, SERVICE(GIVEN "fairlead/probe: tcp"), true);
	assert_int_equal(service_wishes((const struct service_object *)d.objects[0])->probe_count, 0);
	decoded_fini(&d);
}

static const struct {
	const char *yaml, *problem;
} mistakes[] = {
	{POD("readinessProbe: {}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe: one of httpGet, tcpSocket, grpc "
	 "and exec is needed\n"},
	{POD("readinessProbe: {httpGet: {port: 80}, tcpSocket: {port: 80}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe: one of httpGet, tcpSocket, grpc and exec is "
	 "needed\n"},
	{POD("readinessProbe: {httpGet: {port: admin}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.httpGet.port: the container has no port named "
	 "\"admin\"\n"},
	{POD("readinessProbe: {tcpSocket: {port: '80'}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.tcpSocket.port: \"80\" is a text: a number has "
	 "no "
	 "quotes\n"},
	{POD("readinessProbe: {tcpSocket: {port: 70000}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.tcpSocket.port: 70000 is not in 1…65535\n"},
	{POD("readinessProbe: {tcpSocket: {}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.tcpSocket.port: missing\n"},
	{POD("readinessProbe: {tcpSocket: {port: 80}, periodSeconds: -1}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.periodSeconds: -1 is not in 0…2147483647\n"},
	{POD("readinessProbe: {tcpSocket: {port: 80}, timeoutSeconds: 1.5}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.timeoutSeconds: 1.5 is not in 0…2147483647\n"},
	{POD("readinessProbe: {tcpSocket: {port: 80}, failureThreshold: many}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.failureThreshold: a number is expected, not a "
	 "string\n"},
	{POD("readinessProbe: {tcpSocket: {port: 80}, terminationGracePeriodSeconds: 5}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.terminationGracePeriodSeconds: not in a "
	 "readinessProbe\n"},
	{POD("livenessProbe: {tcpSocket: {port: 80}, terminationGracePeriodSeconds: 0}"),
	 "!4 Pod default/p: spec.containers[0].livenessProbe.terminationGracePeriodSeconds: 0 is not in "
	 "1…9223372036854775807\n"},
	{POD("startupProbe: {tcpSocket: {port: 80}, successThreshold: 3}"),
	 "!4 Pod default/p: spec.containers[0].startupProbe.successThreshold: must be 1\n"},
	{POD("readinessProbe: {httpGet: {port: 80, scheme: http}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.httpGet.scheme: \"http\" is none of HTTP, "
	 "HTTPS\n"},
	{POD("readinessProbe: {httpGet: {port: 80, httpHeaders: [{name: X_A, value: x}]}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.httpGet.httpHeaders[0]: \"X_A\" is not a "
	 "header\n"},
	{"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {initContainers: [{name: i, readinessProbe: "
	 "{tcpSocket: {port: 80}}}], containers: [{name: c}]}\n",
	 "!4 Pod default/p: spec.initContainers[0].readinessProbe: only with restartPolicy: Always\n"},
	{POD("livenessProbe: {tcpSocket: {port: 80}, successThreshold: 2}"),
	 "!4 Pod default/p: spec.containers[0].livenessProbe.successThreshold: must be 1\n"},
	{POD("readinessProbe: {httpGet: {port: 80, path: '/a b'}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.httpGet.path: is not a path\n"},
	{POD("readinessProbe: {httpGet: {port: 80, host: nas.lan}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.httpGet.host: \"nas.lan\" is not an address; for "
	 "a "
	 "virtual host write a Host header\n"},
	{POD("readinessProbe: {httpGet: {port: 80, httpHeaders: [{name: \"A\\r\\nB\", value: x}]}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.httpGet.httpHeaders[0]: \"A\r\nB\" is not a "
	 "header\n"},
	{POD("readinessProbe: {httpGet: {port: 80, httpHeaders: [{name: A, value: \"x\\r\\nB: y\"}]}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.httpGet.httpHeaders[0]: \"A\" is not a header\n"},
	{POD("readinessProbe: {grpc: {}}"), "!4 Pod default/p: spec.containers[0].readinessProbe.grpc.port: missing\n"},
	{POD("readinessProbe: {grpc: {port: 0}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.grpc.port: 0 is not in 1…65535\n"},
	{POD("readinessProbe: {grpc: {port: web}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.grpc.port: a number is expected, not a string\n"},
	{POD("readinessProbe: {grpc: {port: 80, service: \"a\\nb\"}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.grpc.service: is not the name of a service\n"},
	{POD("readinessProbe: {exec: {}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.exec.command: a program is needed\n"},
	{POD("readinessProbe: {exec: {command: ['', x]}}"),
	 "!4 Pod default/p: spec.containers[0].readinessProbe.exec.command: a program is needed\n"},
	{"apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {fairlead/probe-netns: ../a}}\nspec: "
	 "{containers: [{name: c, readinessProbe: {exec: {command: [/check]}}}]}\n",
	 "!3 Pod default/p: metadata.annotations.fairlead/probe-netns: \"../a\" is not a name in /run/netns\n"},
	{"apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {fairlead/probe-netns: a}}\nspec: "
	 "{containers: [{name: c, readinessProbe: {tcpSocket: {port: 1}}}]}\n",
	 "3 Pod default/p: metadata.annotations.fairlead/probe-netns: is for exec probes, and there is none\n"},
};

static void mistakes_of_pods(void **state)
{

	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
		assert_problems(mistakes[i].yaml, mistakes[i].problem);
}

static void annotations(void **state)
{
	static const struct {
		const char *text, *probe;
	} cases[] = {
		{"tcp", "tcp :0 0+10000/1000 1 3"},
		{"http", "http :0/ 0+10000/1000 1 3"},
		{"http:/healthz every 2s", "http :0/healthz 0+2000/1000 1 3"},
		{"  https:/a?b=c   timeout 500ms every 1m ", "https :0/a?b=c 0+60000/500 1 3"},
		{"tcp port 81 failures 1 successes 2", "tcp :81 0+10000/1000 2 1"},
		{"grpc", "grpc :0 0+10000/1000 1 3"},
		{"grpc: every 2s", "grpc :0 0+2000/1000 1 3"},
		{"grpc:shop.v1.Cart port 9000", "grpc :9000shop.v1.Cart 0+10000/1000 1 3"},
		{"exec:/usr/lib/check every 2s", "exec :0 0+2000/1000 1 3 '/usr/lib/check'"},
	};
	static const char *const wrong[] = {"",
					    "udp",
					    "http:healthz",
					    "tcp:80",
					    "tcp:",
					    "grpcs",
					    "httpx:/",
					    "exec",
					    "exec:check",
					    "exec:/check -v",
					    "tcp every",
					    "tcp every 2",
					    "tcp every 1ms",
					    "tcp every -1s",
					    "tcp port 0",
					    "tcp port 70000",
					    "tcp failures 0",
					    "tcp often",
					    "tcp every 2s 3s",
					    "tcp every 99999m"};
	char text[512];
	struct decoded d;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, SERVICE(GIVEN "fairlead/probe: '%s'"), cases[i].text);
		decode_text(&d, text, false);
		assert_string_equal(d.problems.data, "");
		const struct service_wishes *w = service_wishes((const struct service_object *)d.objects[0]);
		assert_string_equal(text_of(&w->probe->of[PROBE_READINESS]), cases[i].probe);
		decoded_fini(&d);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(text, sizeof text, SERVICE(GIVEN "fairlead/probe: '%s'"), wrong[i]);
		decode_text(&d, text, false);
		assert_int_equal(d.count, 0); /* refused: the last good version stays */
		assert_non_null(strstr(d.problems.data, "metadata.annotations.fairlead/probe: \""));
		decoded_fini(&d);
	}
}

static void where_annotations_do_not_belong(void **state)
{
	(void)state;
	assert_problems(SERVICE("fairlead/probe: tcp"), "3 Service default/s: metadata.annotations.fairlead/probe: is "
							"for endpoints of fairlead/endpoints; Pods "
							"have probes of their own\n");
	assert_problems(
		SERVICE("fairlead/when-all-fail: some"),
		"3 Service default/s: metadata.annotations.fairlead/when-all-fail: \"some\" is none of none, all\n");
	assert_problems(
		"apiVersion: v1\nkind: Service\nmetadata: {name: s, annotations: {" GIVEN
		"fairlead/probe: tcp}}\nspec: {ports: [{port: 53, protocol: UDP}]}\n",
		"!3 Service default/s: metadata.annotations.fairlead/probe: the Service has no TCP port: write port "
		"N\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_pods),
		cmocka_unit_test(of_an_api_server),
		cmocka_unit_test(mistakes_of_pods),
		cmocka_unit_test(annotations),
		cmocka_unit_test(where_annotations_do_not_belong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
