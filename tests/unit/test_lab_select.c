/* Selectors: the slices that a cluster's controller would make of Pods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/lab_world.h"

#define SERVICE(name, spec) "apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\nspec: {" spec "}\n---\n"
#define POD_OF(name, meta, spec, status)                                                                               \
	"apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", " meta "}\nspec: {" spec "}\nstatus: {" status "}\n---" \
	"\n"
#define WEB "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]"
#define APP "labels: {app: web}"
#define READY "conditions: [{type: Ready, status: 'True'}]"
#define IP(ip) "podIPs: [{ip: " ip "}]"

static void put_conditions(struct buf *out, const struct endpoint_object *e)
{
	if (!e->ready)
		buf_puts(out, e->serving ? " serving" : " unready");
	if (e->terminating)
		buf_puts(out, " terminating");
	if (endpoint_extra(e)->hostname != NULL)
		buf_printf(out, " host %s", endpoint_extra(e)->hostname);
	if (e->node_name != NULL)
		buf_printf(out, " on %s", e->node_name);
	if (e->zone != NULL)
		buf_printf(out, " in %s", e->zone);
	if (endpoint_extra(e)->zone_hint_count != 0)
		buf_printf(out, " for %s", endpoint_extra(e)->zone_hints[0]);
	if (endpoint_extra(e)->node_hint_count != 0)
		buf_printf(out, " for %s", endpoint_extra(e)->node_hints[0]);
}

/* A line for each slice that is there of NAME:pods-…, in order: "4 80/TCP=8080: 10.1.0.1 (p1) unready; …". */
static void slices_are(const struct lab_world *w, const char *name, const char *expected)
{
	static const char families[] = "46";
	struct buf out = {0};
	char addr[ADDR_TEXT_BYTES], slice_name[256];

	buf_puts(&out, "");
	for (int f = 0; f < 2; f++)
		for (int i = 0; i < 9; i++) {
			snprintf(slice_name, sizeof slice_name, "%s:pods-ipv%c-%d", name, families[f], i);
			const struct slice_object *s =
				(const struct slice_object *)world_object(w, OBJECT_SLICE, "default", slice_name);
			if (s == NULL)
				continue;
			assert_string_equal(s->service_name, name);
			buf_printf(&out, "%c%s", families[f], s->headless_label ? " headless" : "");
			for (size_t k = 0; k < s->port_count; k++)
				buf_printf(&out, " %s=%u/%s", s->ports[k].name, s->ports[k].port,
					   proto_name(s->ports[k].proto));
			for (size_t k = 0; k < s->endpoint_count; k++) {
				buf_printf(&out, "; %s (%s)", addr_format(&s->endpoints[k].addr, addr),
					   s->endpoints[k].pod_name);
				put_conditions(&out, &s->endpoints[k]);
			}
			buf_puts(&out, "\n");
		}
	assert_string_equal(out.data, expected);
	buf_fini(&out);
}

/* ---- which pods ---- */

static void labels_choose(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, "10.96.0.0/16", "");
	world_put(&w, POD_OF("p1", APP, "", IP("10.1.0.1")) POD_OF("p2", "labels: {app: db}", "", IP("10.1.0.2"))
			      SERVICE("web", WEB));
	slices_are(&w, "web", "4 =8080/TCP; 10.1.0.1 (p1)\n");
	world_put(&w, POD_OF("p2", "labels: {app: web, tier: a}", "", IP("10.1.0.2"))); /* a label changes */
	slices_are(&w, "web", "4 =8080/TCP; 10.1.0.1 (p1); 10.1.0.2 (p2)\n");
	world_put(&w, SERVICE("web", "selector: {tier: a, app: web}, ports: [{port: 80}]")); /* blue/green */
	slices_are(&w, "web", "4 =80/TCP; 10.1.0.2 (p2)\n");
	world_take(&w, OBJECT_POD, "p2");
	world_end_turn(&w);
	slices_are(&w, "web", "");
	world_put(&w, POD_OF("p2", "namespace: other, labels: {app: web, tier: a}", "", IP("10.1.0.2")));
	slices_are(&w, "web", ""); /* another namespace */
	world_put(&w, SERVICE("web", WEB) SERVICE("all", "selector: {}, ports: [{port: 80}]"));
	slices_are(&w, "web", "4 =8080/TCP; 10.1.0.1 (p1)\n");
	slices_are(&w, "all", ""); /* an empty selector selects none: its endpoints are written by hand */
	world_take(&w, OBJECT_SERVICE, "web");
	world_end_turn(&w);
	slices_are(&w, "web", "");
	assert_string_equal(w.problems.data, "");
	world_fini(&w);
}

/* A pod passes on to the store without what only selection needs. */
static void the_store_sees_plain_pods(void **state)
{
	struct lab_world w;
	uint64_t digest;

	(void)state;
	world_init(&w, "10.96.0.0/16", "");
	world_put(&w, POD_OF("p1", APP, "", IP("10.1.0.1")));
	digest = world_object(&w, OBJECT_POD, "default", "p1")->digest;
	world_put(&w,
		  POD_OF("p1", "labels: {app: db}", "containers: [{ports: [{containerPort: 80}]}]", IP("10.1.0.1")));
	assert_true(world_object(&w, OBJECT_POD, "default", "p1")->digest == digest);
	world_fini(&w);
}

/* ---- readiness ---- */

static void readiness(void **state)
{
	static const struct {
		const char *meta, *status;
		const char *expected; /* behind the address; NULL: no endpoint */
	} cases[] = {
		{"", "", ""}, /* written by hand: the annotation of no kubelet is missed */
		{"", READY, ""},
		{"", "phase: Running", ""},
		{"", "phase: Pending", " unready"},
		{"", "phase: Running, conditions: [{type: Ready, status: 'False'}]", " unready"},
		{"", "phase: Running, conditions: [{type: Ready, status: Unknown}]", " unready"},
		{"", "phase: Running, containerStatuses: [{name: a, ready: true}, {name: b, ready: false}]",
		 " unready"},
		{"",
		 "phase: Running, containerStatuses: [{name: a, ready: false, restartCount: 7, state: {waiting: "
		 "{reason: "
		 "CrashLoopBackOff}}}]",
		 " unready"},
		{"", "containerStatuses: [{name: a, state: {waiting: {reason: x}}}]", " unready"},
		{"", "phase: Running, containerStatuses: [{name: a, ready: true, state: {running: {}}}]", ""},
		{", deletionTimestamp: '2026-01-01T00:00:00Z'", READY, " serving terminating"},
		{", deletionTimestamp: '2026-01-01T00:00:00Z'", "phase: Pending", " unready terminating"},
		{"", "phase: Succeeded", NULL},
		{"", "phase: Failed, " READY, NULL},
	};
	char text[1024], expected[256];
	struct lab_world w;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		world_init(&w, "10.96.0.0/16", "");
		snprintf(text, sizeof text, SERVICE("web", WEB) POD_OF("p1", APP "%s", "", "%s%s" IP("10.1.0.1")),
			 cases[i].meta, cases[i].status, cases[i].status[0] != '\0' ? ", " : "");
		world_put(&w, text);
		snprintf(expected, sizeof expected, "4 =8080/TCP; 10.1.0.1 (p1)%s\n", cases[i].expected);
		slices_are(&w, "web", cases[i].expected != NULL ? expected : "");
		world_fini(&w);
	}
	world_init(&w, "10.96.0.0/16", "");
	world_put(&w, SERVICE("web", WEB ", publishNotReadyAddresses: true")
			      POD_OF("p1", APP ", deletionTimestamp: '2026-01-01T00:00:00Z'", "",
				     "phase: Pending, " IP("10.1.0.1")));
	slices_are(&w, "web", "4 =8080/TCP; 10.1.0.1 (p1) terminating\n");
	world_fini(&w);
}

/* ---- addresses ---- */

static void addresses(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, "10.96.0.0/16 fd00:10:96::/112", "");
	world_put(&w, SERVICE("web", WEB ", ipFamilyPolicy: PreferDualStack")
			      POD_OF("both", APP, "", "podIPs: [{ip: 10.1.0.1}, {ip: 'fd00::1'}]")
				      POD_OF("annotated", APP ", annotations: {fairlead/pod-ip: '10.1.0.2, fd00::2'}",
					     "", "") POD_OF("single", APP, "", "podIP: 10.1.0.3")
					      POD_OF("host", APP, "hostNetwork: true", "hostIP: 192.0.2.1")
						      POD_OF("node", APP, "hostNetwork: true, nodeName: n1", "")
							      POD_OF("none", APP, "", ""));
	slices_are(&w, "web",
		   "4 =8080/TCP; 10.1.0.2 (annotated); 10.1.0.1 (both); 192.0.2.1 (host); 10.1.0.3 (single)\n"
		   "6 =8080/TCP; fd00::2 (annotated); fd00::1 (both)\n");
	world_put(&w, "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {topology.kubernetes.io/zone: z1}}\n"
		      "status: {addresses: [{type: InternalIP, address: 192.0.2.9}]}\n");
	slices_are(
		&w, "web",
		"4 =8080/TCP; 10.1.0.2 (annotated); 10.1.0.1 (both); 192.0.2.1 (host); 192.0.2.9 (node) on n1 in z1; "
		"10.1.0.3 (single)\n"
		"6 =8080/TCP; fd00::2 (annotated); fd00::1 (both)\n");
	world_fini(&w);
}

static void zones_and_hints(void **state)
{
	static const char pods[] = POD_OF("a", APP, "nodeName: n1", READY ", " IP("10.1.0.1"))
		POD_OF("b", APP, "nodeName: n2",
		       "phase: Pending, " IP("10.1.0.2")) "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: "
							  "{topology.kubernetes.io/zone: z1}}\n---\n"
							  "apiVersion: v1\nkind: Node\nmetadata: {name: n2, labels: "
							  "{topology.kubernetes.io/zone: z2}}\n";
	struct lab_world w;

	(void)state;
	world_init(&w, "10.96.0.0/16", "");
	world_put(&w, SERVICE("web", WEB) SERVICE("zone", WEB ", trafficDistribution: PreferClose")
			      SERVICE("node", WEB ", trafficDistribution: PreferSameNode"));
	world_put(&w, pods);
	slices_are(&w, "web", "4 =8080/TCP; 10.1.0.1 (a) on n1 in z1; 10.1.0.2 (b) unready on n2 in z2\n");
	slices_are(&w, "zone", "4 =8080/TCP; 10.1.0.1 (a) on n1 in z1 for z1; 10.1.0.2 (b) unready on n2 in z2\n");
	slices_are(&w, "node",
		   "4 =8080/TCP; 10.1.0.1 (a) on n1 in z1 for z1 for n1; 10.1.0.2 (b) unready on n2 in z2\n");
	lab_sink(w.lab)->remove(lab_sink(w.lab)->ctx, OBJECT_NODE, "", "n1");
	world_end_turn(&w);
	slices_are(&w, "zone", "4 =8080/TCP; 10.1.0.1 (a) on n1; 10.1.0.2 (b) unready on n2 in z2\n");
	world_fini(&w);
}

/* ---- ports ---- */

#define CONTAINERS(ports) "containers: [{name: c, ports: [" ports "]}]"

static void named_ports(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, "10.96.0.0/16", "");
	world_put(&w,
		  SERVICE("web",
			  "selector: {app: web}, ports: [{name: http, port: 80, targetPort: web}, {name: dns, port: "
			  "53, protocol: UDP, targetPort: dns}]")
			  POD_OF("a", APP,
				 CONTAINERS("{name: web, containerPort: 8080}, {name: dns, containerPort: 5353, "
					    "protocol: UDP}"),
				 IP("10.1.0.1"))
				  POD_OF("b", APP,
					 CONTAINERS("{name: web, containerPort: 9090}, {name: dns, containerPort: 54}"),
					 IP("10.1.0.2")) /* dns is TCP here */
		  POD_OF("c", APP,
			 CONTAINERS("{name: web, containerPort: 8080}") ", initContainers: [{name: i, "
									"restartPolicy: Always, ports: [{name: "
									"dns, containerPort: 5353, protocol: UDP}]}, "
									"{name: j, ports: [{name: x, "
									"containerPort: 1}]}]",
			 IP("10.1.0.3")));
	slices_are(&w, "web",
		   "4 http=8080/TCP dns=5353/UDP; 10.1.0.1 (a); 10.1.0.3 (c)\n"
		   "4 http=9090/TCP; 10.1.0.2 (b)\n");
	assert_string_equal(w.problems.data, "");
	world_put(&w, SERVICE("web", "selector: {app: web}, ports: [{name: http, port: 80, targetPort: htp}]"));
	slices_are(&w, "web", "4; 10.1.0.1 (a); 10.1.0.2 (b); 10.1.0.3 (c)\n");
	assert_string_equal(w.problems.data,
			    "Service default/web: spec.ports[0].targetPort: no Pod that is selected has a "
			    "container port named \"htp\" (TCP)\n");
	world_fini(&w);
}

static void headless_with_hostnames(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, "10.96.0.0/16", "");
	world_put(&w, SERVICE("db", "clusterIP: None, selector: {app: web}")
			      POD_OF("db-0", APP, "hostname: db-0, subdomain: db", IP("10.1.0.1"))
				      POD_OF("db-1", APP, "hostname: db-1, subdomain: other", IP("10.1.0.2")));
	slices_are(&w, "db", "4 headless; 10.1.0.1 (db-0) host db-0; 10.1.0.2 (db-1)\n");
	world_put(&w, POD_OF("db-0", APP, "hostname: db-0, subdomain: db", IP("10.1.0.9"))); /* made anew, same name */
	slices_are(&w, "db", "4 headless; 10.1.0.9 (db-0) host db-0; 10.1.0.2 (db-1)\n");
	world_fini(&w);
}

/* ---- workloads ---- */

#define WORKLOAD(version, kind, name, app)                                                            \
	"apiVersion: " version "\nkind: " kind "\nmetadata: {name: " name                             \
	"}\nspec: {selector: {matchLabels: {app: " app "}}, template: {metadata: {labels: {app: " app \
	", v: a}}, spec: {containers: [{name: c, image: x}]}}}\n---\n"

static void workloads_whose_pods_are_not_given(void **state)
{
	struct lab_world w;

	(void)state;
	world_init(&w, "10.96.0.0/16", "");
	world_put(&w, WORKLOAD("apps/v1", "Deployment", "web", "web") SERVICE("web", WEB) SERVICE("web2", WEB));
	assert_string_equal(
		w.problems.data,
		"Deployment default/web: skipped: nothing is started here, and its Pods are not given, so Service web "
		"has no endpoints of it: write their addresses in its annotation fairlead/endpoints, or give Pods with "
		"these labels and status.podIPs or the annotation fairlead/pod-ip\n");
	buf_clear(&w.problems);
	world_put(&w, POD_OF("p1", APP, "", IP("10.1.0.1")));
	world_put(&w, WORKLOAD("apps/v1", "Deployment", "web", "web"));
	assert_int_equal(w.problems.length_bytes, 0);
	world_take(&w, OBJECT_POD, "p1");
	world_put(&w, SERVICE("web2", WEB)); /* told again once, since the pod went */
	world_put(&w, SERVICE("web2", WEB));
	assert_non_null(strstr(w.problems.data, "Deployment default/web: skipped"));
	assert_null(strstr(strchr(w.problems.data, '\n') + 1, "skipped"));
	buf_clear(&w.problems);
	world_put(&w,
		  WORKLOAD("apps/v1", "StatefulSet", "db", "db") WORKLOAD(
			  "apps/v1", "DaemonSet", "ds",
			  "ds") "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec: {template: {spec: "
				"{}}}\n---\n"
				"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: idle}\nspec: {replicas: 0}\n");
	for (size_t i = 0; i < 3; i++)
		assert_non_null(
			strstr(w.problems.data,
			       (const char *[]){"StatefulSet default/db: skipped: nothing is started",
						"DaemonSet default/ds: skipped", "Job default/once: skipped"}[i]));
	assert_null(strstr(w.problems.data, "idle"));
	assert_null(world_object(&w, OBJECT_DEPLOYMENT, "default", "web")); /* not the store's business */
	lab_sink(w.lab)->remove(lab_sink(w.lab)->ctx, OBJECT_DEPLOYMENT, "default", "web");
	world_fini(&w);
}

#define MANY 400

static void on_more(void *ctx)
{
	((struct lab_world *)ctx)->more = true;
}

static size_t slices_shown(const struct lab_world *w)
{
	char name[64];
	size_t count = 0;

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "s%d:pods-ipv4-0", i);
		count += world_object(w, OBJECT_SLICE, "default", name) != NULL;
	}
	return count;
}

static void turns_until_done(struct lab_world *w)
{
	for (int i = 0; i < 10000 && w->more; i++) {
		w->more = false;
		world_end_turn(w);
	}
	assert_false(w->more);
}

/* Slices are made for 5 ms a turn; what is left comes with the next ones, also of Services that go meanwhile. */
static void many_services_of_many_pods(void **state)
{
	struct lab_world w;
	char name[64], text[256];

	(void)state;
	world_init(&w, "10.96.0.0/16", "");
	world_stop(&w);
	w.config.more = on_more;
	world_start(&w);
	lab_sink(w.lab)->complete(lab_sink(w.lab)->ctx);
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, POD_OF("p%d", APP, "", IP("10.1.%d.%d")), i, i / 250, i % 250 + 1);
		world_say(&w, text);
	}
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, SERVICE("s%d", WEB), i);
		world_say(&w, text);
	}
	world_end_turn(&w);
	assert_true(w.more);
	assert_in_range(slices_shown(&w), 1, MANY - 1);
	turns_until_done(&w);
	assert_int_equal(slices_shown(&w), MANY);
	world_take(&w, OBJECT_POD, "p7");
	world_end_turn(&w);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "s%d", i);
		world_take(&w, OBJECT_SERVICE, name);
	}
	world_end_turn(&w);
	turns_until_done(&w);
	assert_int_equal(slices_shown(&w), 0);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_services_of_many_pods),
		cmocka_unit_test(labels_choose),
		cmocka_unit_test(the_store_sees_plain_pods),
		cmocka_unit_test(readiness),
		cmocka_unit_test(addresses),
		cmocka_unit_test(zones_and_hints),
		cmocka_unit_test(named_ports),
		cmocka_unit_test(headless_with_hostnames),
		cmocka_unit_test(workloads_whose_pods_are_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
