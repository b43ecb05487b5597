/* What Services in manifests are given stays theirs: over restarts, edits, new names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/cpu_clock.h"
#include "tests/unit/lab_given.h"

#define MANY SERVICE("a", "type: NodePort, " PORT) SERVICE("b", "type: LoadBalancer, " PORT) SERVICE("c", PORT)
#define MANY_TURNED SERVICE("c", PORT) SERVICE("b", "type: LoadBalancer, " PORT) SERVICE("a", "type: NodePort, " PORT)

static void the_same_after_a_restart(void **state)
{
	char before[3][256];
	struct lab_world w;

	(void)state;
	for (int with_kept = 0; with_kept < 2; with_kept++) {
		world_init(&w, DUAL, "192.0.2.0/24");
		world_put(&w, MANY);
		for (int i = 0; i < 3; i++)
			snprintf(before[i], sizeof before[i], "%s", world_text(&w, (const char *[]){"a", "b", "c"}[i]));
		world_restart(&w, with_kept != 0);
		world_put(&w, MANY_TURNED);
		for (int i = 0; i < 3; i++)
			assert_string_equal(world_text(&w, (const char *[]){"a", "b", "c"}[i]), before[i]);
		assert_int_equal(w.keeps, with_kept != 0 ? 1 : 2); /* nothing new: nothing is written */
		world_fini(&w);
	}
}

static void the_same_after_an_edit(void **state)
{
	char before[256];
	struct lab_world w;

	(void)state;
	world_init(&w, DUAL, "");
	world_put(&w, SERVICE("a", "type: NodePort, selector: {app: a}, " PORT));
	snprintf(before, sizeof before, "%s", world_text(&w, "a"));
	world_put(&w, SERVICE("a", "type: NodePort, selector: {app: b}, ports: [{port: 81}]"));
	assert_string_equal(world_text(&w, "a"), before);
	world_take(&w, OBJECT_SERVICE, "a"); /* an editor that empties the file first */
	world_end_turn(&w);
	assert_null(world_service(&w, "a"));
	world_put(&w, SERVICE("a", "type: NodePort, " PORT));
	assert_string_equal(world_text(&w, "a"), before);
	world_fini(&w);
}

/* UDP and TCP of one number share a node port, whichever of them goes or comes first. */
static void a_shared_port_stays(void **state)
{
	static const char *const turns[] = {
		SERVICE("a", "type: NodePort, ports: [{name: tcp, port: 53}, {name: udp, port: 53, protocol: UDP}]"),
		SERVICE("a", "type: NodePort, ports: [{name: tcp, port: 53}]"),
		SERVICE("a", "type: NodePort, ports: [{name: x, port: 53, protocol: UDP}, {name: tcp, port: 53}]"),
		SERVICE("a", "type: NodePort, ports: [{name: x, port: 53, protocol: UDP}]"),
	};
	struct lab_world w;
	uint16_t before;

	(void)state;
	world_init(&w, DUAL, "");
	world_put(&w,
		  SERVICE("a", "type: NodePort, ports: [{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53}]"));
	before = world_service(&w, "a")->ports[0].node_port;
	for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
		world_put(&w, turns[i]);
		for (size_t k = 0; k < world_service(&w, "a")->port_count; k++)
			assert_int_equal(world_service(&w, "a")->ports[k].node_port, before);
		world_put(&w, SERVICE("b", "type: NodePort, " PORT)); /* never the same */
		assert_int_not_equal(world_service(&w, "b")->ports[0].node_port, before);
	}
	world_put(&w,
		  SERVICE("a",
			  "type: NodePort, ports: [{name: x, port: 53, protocol: UDP}, {name: tcp, port: 53, nodePort: "
			  "30053}]"));
	assert_int_equal(world_service(&w, "a")->ports[0].node_port, 30053);
	world_fini(&w);
}

static void the_same_after_a_new_name(void **state)
{
	char before[256];
	struct lab_world w;

	(void)state;
	for (int restarted = 0; restarted < 2; restarted++) {
		world_init(&w, DUAL, "");
		world_put(&w, SERVICE("a", "type: NodePort, selector: {app: a}, " PORT));
		snprintf(before, sizeof before, "%s", world_text(&w, "a"));
		if (restarted != 0)
			world_restart(&w, true);
		else
			world_take(&w, OBJECT_SERVICE, "a");
		world_put(&w, SERVICE("new", "type: NodePort, selector: {app: a}, " PORT)
				      SERVICE("other", "type: NodePort, selector: {app: x}, " PORT));
		assert_string_equal(world_text(&w, "new"), before);
		assert_string_not_equal(world_text(&w, "other"), before);
		world_fini(&w);
	}
}

static void what_is_written_wins(void **state)
{
	char before[256], text[512], expected[512];
	struct lab_world w;

	(void)state;
	world_init(&w, DUAL, "");
	world_put(&w, SERVICE("b", PORT));
	snprintf(before, sizeof before, "%s", world_text(&w, "b"));
	snprintf(text, sizeof text, SERVICE("a", "clusterIP: %s, " PORT), before);
	world_put(&w, text);
	assert_string_equal(world_text(&w, "a"), before);
	assert_string_not_equal(world_text(&w, "b"), before);
	snprintf(expected, sizeof expected,
		 "Service default/b: spec: Service default/a asks for %s, which was allocated here: it has another one "
		 "now\n",
		 before);
	assert_string_equal(w.problems.data, expected);
	buf_clear(&w.problems);
	snprintf(text, sizeof text, SERVICE("b", "clusterIP: %s, " PORT), world_text(&w, "b"));
	snprintf(before, sizeof before, "%s", world_text(&w, "b"));
	world_put(&w, text); /* its own address, written now */
	assert_string_equal(world_text(&w, "b"), before);
	assert_int_equal(w.problems.length_bytes, 0);
	world_fini(&w);
}

static void a_refused_service_keeps_its_last_version(void **state)
{
	char before[256];
	struct lab_world w;

	(void)state;
	world_init(&w, DUAL, "");
	world_put(&w, SERVICE("a", PORT));
	snprintf(before, sizeof before, "%s", world_text(&w, "a"));
	world_put(&w, SERVICE("a", "ipFamilyPolicy: SingleStack, ipFamilies: [IPv4, IPv6], ports: [{port: 81}]"));
	assert_string_equal(world_text(&w, "a"), before);
	assert_int_equal(world_service(&w, "a")->ports[0].port, 80);
	world_put(&w, SERVICE("a", "ports: [{port: 82}]"));
	assert_string_equal(world_text(&w, "a"), before);
	assert_int_equal(world_service(&w, "a")->ports[0].port, 82);
	world_fini(&w);
}

static void those_that_are_gone_are_bounded(void **state)
{
	struct lab_world w;
	char text[128];
	size_t lines = 0;

	(void)state;
	world_init(&w, DUAL, "");
	for (int i = 0; i < LAB_GONE_MAX + 50; i++) {
		snprintf(text, sizeof text, SERVICE("s%d", "ports: [{port: %d}]"), i, i + 1);
		world_put(&w, text);
		snprintf(text, sizeof text, "s%d", i);
		world_take(&w, OBJECT_SERVICE, text);
		world_end_turn(&w);
	}
	for (const char *at = w.kept.data; (at = strstr(at, "\"name\"")) != NULL; at++)
		lines++;
	assert_int_equal(lines, LAB_GONE_MAX);
	assert_null(strstr(w.kept.data, "\"s0\"")); /* the oldest are forgotten */
	assert_int_equal(map_count(&w.objects), 0);
	world_fini(&w);
}

#define FEW_GONE 2000
#define MANY_GONE 20000
#define GROWTH_MAX 40 /* ten times the Services: linear is 10 times, n² a hundred */

/* CPU time in which so many go in one turn. */
static uint64_t gone_ns(int count)
{
	struct lab_world w;
	char name[32], text[128];

	world_init(&w, "10.0.0.0/8", "");
	for (int i = 0; i < count; i++) {
		snprintf(text, sizeof text, SERVICE("s%d", "ports: [{port: 80}]"), i);
		world_say(&w, text);
	}
	world_end_turn(&w);
	const uint64_t start = cpu_ns();
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof name, "s%d", i);
		world_take(&w, OBJECT_SERVICE, name);
	}
	world_end_turn(&w);
	const uint64_t took = cpu_ns() - start;
	world_fini(&w);
	return took;
}

static void many_go_at_once(void **state)
{
	(void)state;
	const uint64_t few = gone_ns(FEW_GONE), many = gone_ns(MANY_GONE);
	if (many > GROWTH_MAX * few)
		fail_msg("%d take %.0f ms, %d take %.0f ms", FEW_GONE, (double)few / 1e6, MANY_GONE,
			 (double)many / 1e6);
}

static void damaged_text(void **state)
{
	static const char *const cases[] = {
		"",
		"{",
		"[]",
		"{\"version\":2,\"services\":[]}",
		"{\"version\":1,\"services\":[{\"namespace\":\"default\",\"name\":\"a/b\"}]}",
		"{\"version\":1,\"services\":[7]}",
	};
	struct lab_world w;
	const char *wrong;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		world_init(&w, DUAL, "");
		lab_free(w.lab);
		w.lab = lab_new(&w.config, cases[i], strlen(cases[i]), &wrong);
		assert_non_null(wrong);
		world_put(&w, SERVICE("a", PORT));
		assert_int_equal(world_service(&w, "a")->cluster_ip_count, 1);
		world_fini(&w);
	}
	/* out of the ranges, taken by another, of no use: it is allocated anew */
	static const char odd[] =
		"{\"version\":1,\"services\":[{\"namespace\":\"default\",\"name\":\"a\",\"spec\":\"x\","
		"\"clusterIPs\":[\"192.0.2.1\",\"fd00::1\",\"?\"],\"nodePorts\":{\"\":70000,\"x\":30001},"
		"\"healthCheckNodePort\":-1}]}";
	world_init(&w, DUAL, "");
	lab_free(w.lab);
	w.lab = lab_new(&w.config, odd, strlen(odd), &wrong);
	assert_null(wrong);
	world_put(&w, SERVICE("a", "type: NodePort, " PORT));
	assert_true(in_range(&world_service(&w, "a")->cluster_ips[0], "10.96.0.0/16"));
	assert_int_equal(world_service(&w, "a")->cluster_ip_count, 1);
	assert_true(world_service(&w, "a")->ports[0].node_port > 30001);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_after_a_restart),
		cmocka_unit_test(the_same_after_an_edit),
		cmocka_unit_test(a_shared_port_stays),
		cmocka_unit_test(the_same_after_a_new_name),
		cmocka_unit_test(what_is_written_wins),
		cmocka_unit_test(a_refused_service_keeps_its_last_version),
		cmocka_unit_test(those_that_are_gone_are_bounded),
		cmocka_unit_test(many_go_at_once),
		cmocka_unit_test(damaged_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
