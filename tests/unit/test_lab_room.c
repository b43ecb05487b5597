/* Services times Pods: all selectors together make no more than LAB_PICKED_MAX. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/lab_world.h"

#define PODS 1000u
#define PORTS 100u /* of a Service: five of 1 000 Pods fit, and 242 Pods of a sixth */
#define LINE "spec.selector: more Pods are selected than there is room for: all Services together have at most 524288 "

static void put_pods(struct lab_world *w, unsigned count)
{
	char yaml[512];

	for (unsigned i = 0; i < count; i++) {
		snprintf(yaml, sizeof yaml,
			 "apiVersion: v1\nkind: Pod\nmetadata: {name: p%04u, namespace: default, labels: {app: web}}\n"
			 "spec: {containers: [{name: c, ports: [{name: web, containerPort: %u}]}]}\n"
			 "status: {podIPs: [{ip: 10.1.%u.%u}]}\n",
			 i, 1 + i, i / 250, i % 250 + 1);
		world_say(w, yaml);
	}
}

static void put_service(struct lab_world *w, const char *name, unsigned ports, const char *target_port)
{
	struct buf yaml = {0};

	buf_printf(&yaml, "apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: default}\n", name);
	buf_puts(&yaml, "spec: {selector: {app: web}, ports: [");
	for (unsigned i = 0; i < ports; i++)
		buf_printf(&yaml, "{name: p%u, port: %u, targetPort: %s}, ", i, 1 + i, target_port);
	buf_puts(&yaml, "]}\n");
	world_say(w, yaml.data);
	buf_fini(&yaml);
}

/* slices: how many there are; NULL: at most one is expected. */
static size_t endpoints_of(const struct lab_world *w, const char *service, size_t *slices)
{
	const struct shown_object *shown;
	size_t at = 0, count = 0, sum = 0;

	while ((shown = map_next(&w->objects, &at)) != NULL) {
		const struct slice_object *slice = (const struct slice_object *)shown->o;
		if (shown->o->kind != OBJECT_SLICE || strcmp(slice->service_name, service) != 0)
			continue;
		count++;
		sum += slice->endpoint_count;
	}
	assert_true(slices != NULL || count <= 1);
	if (slices != NULL)
		*slices = count;
	return sum;
}

static size_t lines(const struct lab_world *w)
{
	size_t count = 0;

	for (const char *at = w->problems.data; (at = strstr(at, LINE)) != NULL; at++)
		count++;
	return count;
}

static void what_is_beyond_is_left_out(void **state)
{
	const char *const names[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6"};
	struct lab_world w;

	(void)state;
	world_init(&w, "10.96.0.0/16", "");
	put_pods(&w, PODS);
	for (size_t i = 0; i < 7; i++) {
		put_service(&w, names[i], PORTS, "8080");
		world_end_turn(&w);
	}
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(endpoints_of(&w, names[i], NULL), PODS);
	assert_int_equal(endpoints_of(&w, "s5", NULL), 242);
	assert_int_equal(endpoints_of(&w, "s6", NULL), 0);
	assert_non_null(strstr(w.problems.data, "Service default/s5: " LINE));
	assert_non_null(strstr(w.problems.data, "Service default/s6: " LINE));
	world_end_turn(&w);
	assert_int_equal(lines(&w), 2);

	world_take(&w, OBJECT_SERVICE, "s0"); /* what it had is for those that are short */
	world_end_turn(&w);
	assert_int_equal(endpoints_of(&w, "s5", NULL) + endpoints_of(&w, "s6", NULL), PODS + 242);
	put_service(&w, "s1", 1, "8080");
	world_end_turn(&w);
	for (size_t i = 1; i < 7; i++)
		assert_int_equal(endpoints_of(&w, names[i], NULL), PODS);
	put_service(&w, "s1", PORTS, "8080"); /* it is the last now */
	world_end_turn(&w);
	assert_int_equal(endpoints_of(&w, "s1", NULL), 242);
	world_take(&w, OBJECT_POD, "p0000"); /* of all: there is room for five more of the last */
	world_end_turn(&w);
	assert_int_equal(endpoints_of(&w, "s2", NULL), PODS - 1);
	assert_int_equal(endpoints_of(&w, "s1", NULL), 247);
	world_fini(&w);
}

/* Each Pod has a number of its own for the port: as many slices as Pods. */
static void slices_of_many_ports(void **state)
{
	struct lab_world w;
	size_t slices;

	(void)state;
	world_init(&w, "10.96.0.0/16", "");
	put_pods(&w, 5000);
	put_service(&w, "web", 1, "web");
	world_end_turn(&w);
	assert_int_equal(endpoints_of(&w, "web", &slices), 5000);
	assert_int_equal(slices, 5000);
	world_take(&w, OBJECT_POD, "p0007");
	world_end_turn(&w);
	assert_int_equal(endpoints_of(&w, "web", &slices), 4999);
	assert_int_equal(slices, 4999);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_beyond_is_left_out),
		cmocka_unit_test(slices_of_many_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
