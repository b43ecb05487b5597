/* What probes do to endpoints; the probes are a list here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/lab_world.h"

#define GIVEN(annotations)                                                                                    \
	"apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {fairlead/endpoints: \"10.1.0.1, " \
	"10.1.0.2\", "                                                                                        \
	"fairlead/probe: tcp" annotations "}}\nspec: {ports: [{port: 80, targetPort: 8080}]}\n"
#define SELECTS(more)                                                    \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: pods" more \
	"}\nspec: {selector: {app: x}, ports: [{port: 80}]}\n"
#define POD(name, ip, more)                                      \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name \
	", labels: {app: x}, annotations: {fairlead/pod-ip: " ip \
	"}}\nspec: {containers: [{name: c, readinessProbe: {tcpSocket: {port: 80}" more "}}]}\n"

struct endpoint_probe {
	char where[64];
	size_t wanted;
	bool ready;
	const char *why;
};

static struct {
	struct endpoint_probe items[8];
	unsigned wants;
	bool starting;
} fake;

static struct endpoint_probe *find(const char *where)
{
	for (size_t i = 0; i < 8; i++)
		if (strcmp(fake.items[i].where, where) == 0)
			return &fake.items[i];
	return NULL;
}

static struct endpoint_probe *want(void *ctx, const struct probe_target *t)
{
	struct endpoint_probe *p;
	char where[64], addr[ADDR_PORT_TEXT_BYTES];

	(void)ctx;
	snprintf(where, sizeof where, "%s", addr_port_format(&t->addr, t->port, addr));
	p = find(where);
	if (p == NULL || p->wanted == 0) {
		p = p != NULL ? p : find("");
		assert_non_null(p);
		*p = (struct endpoint_probe){.why = "probe has no result yet"};
		memcpy(p->where, where, sizeof where);
		fake.wants++;
	}
	p->wanted++;
	return p;
}

static void release(void *ctx, struct endpoint_probe *p)
{
	(void)ctx;
	assert_true(p->wanted-- != 0);
}

static bool ready(void *ctx, const struct endpoint_probe *p, const char **why)
{
	(void)ctx;
	*why = p->ready ? NULL : p->why;
	return p->ready;
}

static bool starting(void *ctx)
{
	(void)ctx;
	return fake.starting;
}

static unsigned completes;

static void on_complete(void *ctx)
{
	(void)ctx;
	completes++;
}

static const struct probes probes = {want, release, ready, starting, NULL};

static void begin(struct lab_world *w)
{
	memset(&fake, 0, sizeof fake);
	completes = 0;
	world_init(w, "10.96.0.0/16", "");
	lab_free(w->lab);
	w->config.probes = &probes;
	world_start(w);
}

static void set(struct lab_world *w, const char *where, const char *why)
{
	struct endpoint_probe *p = find(where);

	p->ready = why == NULL;
	p->why = why;
	lab_probes_changed(w->lab);
	world_end_turn(w);
}

/* "10.1.0.1 ready; 10.1.0.2 why" of one slice. */
static void slice_is(const struct lab_world *w, const char *name, const char *expected)
{
	const struct slice_object *s = (const struct slice_object *)world_object(w, OBJECT_SLICE, "default", name);
	struct buf out = {0};
	char addr[ADDR_TEXT_BYTES];

	assert_non_null(s);
	for (size_t i = 0; i < s->endpoint_count; i++) {
		const struct endpoint_object *e = &s->endpoints[i];
		const char *reason = endpoint_extra(e)->reason;
		buf_printf(&out, "%s%s%s%s%s", i != 0 ? "; " : "", addr_format(&e->addr, addr),
			   e->ready ? " ready" : "", reason != NULL ? " " : "", reason != NULL ? reason : "");
	}
	assert_string_equal(out.data, expected);
	buf_fini(&out);
}

static void given_endpoints(void **state)
{
	struct lab_world w;

	(void)state;
	begin(&w);
	world_put(&w, GIVEN(""));
	slice_is(&w, "web:given-ipv4-0", "10.1.0.1 probe has no result yet; 10.1.0.2 probe has no result yet");
	set(&w, "10.1.0.1:8080", NULL);
	slice_is(&w, "web:given-ipv4-0", "10.1.0.1 ready; 10.1.0.2 probe has no result yet");
	set(&w, "10.1.0.1:8080", "HTTP 503");
	slice_is(&w, "web:given-ipv4-0", "10.1.0.1 HTTP 503; 10.1.0.2 probe has no result yet");
	const unsigned upserts = w.upserts;
	lab_probes_changed(w.lab); /* nothing has */
	world_end_turn(&w);
	assert_int_equal(w.upserts, upserts);
	world_put(&w,
		  "apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {fairlead/endpoints: 10.1.0.1}}\n"
		  "spec: {ports: [{port: 80, targetPort: 8080}]}\n");
	slice_is(&w, "web:given-ipv4-0", "10.1.0.1 ready");
	assert_int_equal(find("10.1.0.1:8080")->wanted + find("10.1.0.2:8080")->wanted, 0);
	world_fini(&w);
}

static void publish_not_ready_addresses(void **state)
{
	struct lab_world w;

	(void)state;
	begin(&w);
	world_put(&w,
		  "apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {fairlead/endpoints: 10.1.0.1, "
		  "fairlead/probe: tcp}}\nspec: {publishNotReadyAddresses: true, ports: [{port: 80}]}\n");
	set(&w, "10.1.0.1:80", "timeout");
	slice_is(&w, "web:given-ipv4-0", "10.1.0.1 ready timeout");
	world_fini(&w);
}

static void when_all_fail(void **state)
{
	struct lab_world w;

	(void)state;
	begin(&w);
	world_put(&w, GIVEN(", fairlead/when-all-fail: all"));
	set(&w, "10.1.0.2:8080", NULL);
	slice_is(&w, "web:given-ipv4-0", "10.1.0.1 probe has no result yet; 10.1.0.2 ready");
	set(&w, "10.1.0.2:8080", "timeout");
	slice_is(&w, "web:given-ipv4-0", "10.1.0.1 ready probe has no result yet; 10.1.0.2 ready timeout");
	set(&w, "10.1.0.1:8080", NULL);
	slice_is(&w, "web:given-ipv4-0", "10.1.0.1 ready; 10.1.0.2 timeout");
	world_fini(&w);
	begin(&w);
	world_put(&w, SELECTS(", annotations: {fairlead/when-all-fail: all}") POD("a", "10.1.0.1", "")
			      POD("b", "10.1.0.2", ""));
	slice_is(&w, "pods:pods-ipv4-0",
		 "10.1.0.1 ready probe has no result yet; 10.1.0.2 ready probe has no result yet");
	set(&w, "10.1.0.2:0", NULL);
	slice_is(&w, "pods:pods-ipv4-0", "10.1.0.1 probe has no result yet; 10.1.0.2 ready");
	world_fini(&w);
}

static void pods(void **state)
{
	struct lab_world w;

	(void)state;
	begin(&w);
	world_put(&w, POD("a", "10.1.0.1", "") POD("b", "10.1.0.2", ""));
	assert_int_equal(fake.wants, 2); /* before a Service selects them */
	set(&w, "10.1.0.1:0", NULL);
	world_put(&w, SELECTS(""));
	slice_is(&w, "pods:pods-ipv4-0", "10.1.0.1 ready; 10.1.0.2 probe has no result yet");
	set(&w, "10.1.0.2:0", "connection refused");
	slice_is(&w, "pods:pods-ipv4-0", "10.1.0.1 ready; 10.1.0.2 connection refused");
	world_put(&w, POD("a", "10.1.0.1", "}, env: [], x: {y: 1")); /* an edit beside the probe: it goes on */
	assert_int_equal(fake.wants, 2);
	slice_is(&w, "pods:pods-ipv4-0", "10.1.0.1 ready; 10.1.0.2 connection refused");
	world_put(&w, POD("a", "10.1.0.3", "")); /* made anew: it has to pass first */
	slice_is(&w, "pods:pods-ipv4-0", "10.1.0.3 probe has no result yet; 10.1.0.2 connection refused");
	assert_int_equal(find("10.1.0.1:0")->wanted, 0);
	world_take(&w, OBJECT_POD, "a");
	world_end_turn(&w);
	assert_int_equal(find("10.1.0.3:0")->wanted, 0);
	world_fini(&w);
}

/* Without --allow-exec-probes a line tells of each, and it counts as not there. */
static void exec_probes(void **state)
{
	static const char pods[] = SELECTS("")
		POD("a", "10.1.0.1",
		    "}, livenessProbe: {exec: {command: [x]}") "---\napiVersion: v1\nkind: Pod\nmetadata: {name: b, "
							       "labels: {app: x}, annotations: {fairlead/pod-ip: "
							       "10.1.0.2}}\n"
							       "spec: {containers: [{name: c, readinessProbe: {exec: "
							       "{command: [x]}}}]}\n";
	static const char given[] =
		"apiVersion: v1\nkind: Service\nmetadata: {name: web, annotations: {fairlead/endpoints: 10.1.0.3, "
		"fairlead/probe: exec:/x}}\nspec: {ports: [{port: 80}]}\n";
	struct lab_world w;

	(void)state;
	begin(&w);
	world_put(&w, pods);
	slice_is(&w, "pods:pods-ipv4-0", "10.1.0.1 probe has no result yet; 10.1.0.2 ready");
	assert_int_equal(fake.wants, 1);
	for (unsigned i = 0; i < 2; i++) { /* once for each */
		assert_string_equal(w.problems.data,
				    "Pod default/a: spec.containers: exec probes of container c are not run without "
				    "--allow-exec-probes: it counts as if it had none\n"
				    "Pod default/b: spec.containers: exec probes of container c are not run without "
				    "--allow-exec-probes: it counts as if it had none\n");
		world_put(&w, pods);
	}
	buf_clear(&w.problems);
	world_put(&w, given);
	slice_is(&w, "web:given-ipv4-0", "10.1.0.3 ready");
	assert_string_equal(w.problems.data,
			    "Service default/web: metadata.annotations.fairlead/probe: exec is not run "
			    "without --allow-exec-probes: the endpoints count as not probed\n");
	world_fini(&w);
	begin(&w);
	lab_free(w.lab);
	w.config.exec_probes = true;
	world_start(&w);
	world_put(&w, pods);
	world_put(&w, given);
	slice_is(&w, "pods:pods-ipv4-0", "10.1.0.1 probe has no result yet; 10.1.0.2 probe has no result yet");
	slice_is(&w, "web:given-ipv4-0", "10.1.0.3 probe has no result yet");
	assert_string_equal(w.problems.data, "");
	world_fini(&w);
}

/* What is complete waits for first results: a restart takes nothing out. */
static void the_start_waits(void **state)
{
	struct lab_world w;

	(void)state;
	begin(&w);
	w.config.next.complete = on_complete;
	lab_free(w.lab);
	const char *wrong;
	w.lab = lab_new(&w.config, NULL, 0, &wrong);
	fake.starting = true;
	world_put(&w, GIVEN(""));
	lab_sink(w.lab)->complete(lab_sink(w.lab)->ctx);
	world_end_turn(&w);
	assert_int_equal(completes, 0);
	set(&w, "10.1.0.1:8080", NULL);
	assert_int_equal(completes, 0);
	fake.starting = false;
	set(&w, "10.1.0.2:8080", NULL);
	assert_int_equal(completes, 1);
	world_end_turn(&w);
	assert_int_equal(completes, 1);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given_endpoints), cmocka_unit_test(publish_not_ready_addresses),
		cmocka_unit_test(when_all_fail),   cmocka_unit_test(pods),
		cmocka_unit_test(exec_probes),	   cmocka_unit_test(the_start_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
