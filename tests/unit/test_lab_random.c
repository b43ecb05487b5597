/* Any order of changes: slices are those of a fresh start, nothing is given twice, and what was given stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/lab_world.h"

#define SERVICES 8
#define PODS 12
#define NODES 3
#define ROUNDS 300

static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed / 65536 % below;
}

/* What the source has: the text of each object; "" where there is none. */
struct model {
	char services[SERVICES][400], pods[PODS][400], nodes[NODES][200];
};

static const char *word(unsigned *seed, const char *const *words, size_t count)
{
	return words[draw(seed, (unsigned)count)];
}
#define WORD(seed, ...) \
	word((seed), (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void service_change(struct lab_world *w, struct model *m, unsigned *seed)
{
	const unsigned i = draw(seed, SERVICES);
	char name[16];

	if (draw(seed, 4) == 0) {
		snprintf(name, sizeof name, "s%u", i);
		if (m->services[i][0] != '\0')
			world_take(w, OBJECT_SERVICE, name);
		m->services[i][0] = '\0';
		return;
	}
	snprintf(m->services[i], sizeof m->services[i],
		 "apiVersion: v1\nkind: Service\nmetadata: {name: s%u%s}\nspec: {type: %s, %s%s%sports: [{name: a, "
		 "port: 80, "
		 "targetPort: %s}, {name: b, port: 80, protocol: UDP}]}\n",
		 i, WORD(seed, "", "", ", annotations: {fairlead/endpoints: '10.9.0.1, fd00:9::1'}"),
		 WORD(seed, "ClusterIP", "NodePort", "LoadBalancer"),
		 WORD(seed, "", "ipFamilyPolicy: PreferDualStack, "),
		 WORD(seed, "", "", "", "clusterIP: 10.96.0.1, ", "clusterIP: 10.96.0.2, "),
		 WORD(seed, "", "selector: {app: x}, ", "selector: {app: x, tier: a}, ", "selector: {tier: b}, "),
		 WORD(seed, "80", "80"));
	world_say(w, m->services[i]);
}

static void pod_change(struct lab_world *w, struct model *m, unsigned *seed)
{
	const unsigned i = draw(seed, PODS);
	char name[16];

	if (draw(seed, 4) == 0) {
		snprintf(name, sizeof name, "p%u", i);
		if (m->pods[i][0] != '\0')
			world_take(w, OBJECT_POD, name);
		m->pods[i][0] = '\0';
		return;
	}
	snprintf(m->pods[i], sizeof m->pods[i],
		 "apiVersion: v1\nkind: Pod\nmetadata: {name: p%u, labels: {%s%s}, annotations: {fairlead/pod-ip: "
		 "'10.1.0.%u%s'}}\n"
		 "spec: {nodeName: n%u}\nstatus: {phase: %s}\n",
		 i, WORD(seed, "", "app: x", "app: y"), WORD(seed, "", ", tier: a", ", tier: b"), 1 + draw(seed, 9),
		 WORD(seed, "", ", fd00::5"), draw(seed, NODES), WORD(seed, "Running", "Pending", "Failed"));
	for (char *p = strstr(m->pods[i], "{, "); p != NULL; p = NULL)
		memcpy(p, "{  ", 3);
	world_say(w, m->pods[i]);
}

static void node_change(struct lab_world *w, struct model *m, unsigned *seed)
{
	const unsigned i = draw(seed, NODES);
	char name[16];

	if (draw(seed, 3) == 0) {
		snprintf(name, sizeof name, "n%u", i);
		if (m->nodes[i][0] != '\0')
			lab_sink(w->lab)->remove(lab_sink(w->lab)->ctx, OBJECT_NODE, "", name);
		m->nodes[i][0] = '\0';
		return;
	}
	snprintf(m->nodes[i], sizeof m->nodes[i],
		 "apiVersion: v1\nkind: Node\nmetadata: {name: n%u, labels: {topology.kubernetes.io/zone: z%u}}\n", i,
		 draw(seed, 2));
	world_say(w, m->nodes[i]);
}

static void say_all(struct lab_world *w, const struct model *m)
{
	for (size_t i = 0; i < PODS; i++)
		world_say(w, m->pods[i]);
	for (size_t i = SERVICES; i-- > 0;)
		world_say(w, m->services[i]);
	for (size_t i = 0; i < NODES; i++)
		world_say(w, m->nodes[i]);
	world_end_turn(w);
}

/* Everything but what is allocated, which depends on who came first. */
static void same_as_fresh(const struct lab_world *w, const struct model *m)
{
	struct lab_world fresh;
	const struct shown_object *shown;
	size_t at = 0, count = 0;

	world_init(&fresh, "10.96.0.0/24 fd00:10:96::/112", "192.0.2.0/29");
	say_all(&fresh, m);
	while ((shown = map_next(&fresh.objects, &at)) != NULL) {
		const struct shown_object *here = map_get_str(&w->objects, shown->key);
		assert_non_null(here);
		if (shown->o->kind != OBJECT_SERVICE)
			assert_true(here->o->digest == shown->o->digest);
		count++;
	}
	assert_int_equal(map_count(&w->objects), count);
	world_fini(&fresh);
}

/* An address of the ranges is at one Service, unless it is written. */
static void nothing_twice(const struct lab_world *w)
{
	struct map seen = {0};
	const struct shown_object *shown;
	size_t at = 0;

	while ((shown = map_next(&w->objects, &at)) != NULL) {
		const struct service_object *s = (const struct service_object *)shown->o;
		if (shown->o->kind != OBJECT_SERVICE)
			continue;
		for (size_t i = 0; i < s->cluster_ip_count; i++) {
			const struct addr *a = &s->cluster_ips[i];
			if (addr_is(a, "10.96.0.1") || addr_is(a, "10.96.0.2"))
				continue;
			assert_null(map_put(&seen, a, sizeof *a, (void *)(uintptr_t)s));
		}
		for (size_t i = 0; i < s->ingress_count; i++)
			assert_null(map_put(&seen, &s->ingress[i].addr, sizeof(struct addr), (void *)(uintptr_t)s));
		if (s->type == SERVICE_NODE_PORT) { /* both ports are of one number */
			assert_int_not_equal(s->ports[0].node_port, 0);
			assert_int_equal(s->ports[0].node_port, s->ports[1].node_port);
			assert_null(map_put(&seen, &s->ports[0].node_port, 2, (void *)(uintptr_t)s));
		}
	}
	map_fini(&seen);
}

static void restart(struct lab_world *w, const struct model *m)
{
	char before[SERVICES][256], name[16];

	for (unsigned i = 0; i < SERVICES; i++) {
		snprintf(name, sizeof name, "s%u", i);
		snprintf(before[i], sizeof before[i], "%s", world_text(w, name));
	}
	world_restart(w, true);
	say_all(w, m);
	for (unsigned i = 0; i < SERVICES; i++) {
		snprintf(name, sizeof name, "s%u", i);
		assert_string_equal(world_text(w, name), before[i]);
	}
}

static void any_order(void **state)
{
	static struct model m;
	struct lab_world w;
	unsigned seed = 11;

	(void)state;
	world_init(&w, "10.96.0.0/24 fd00:10:96::/112", "192.0.2.0/29");
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned changes = 1 + draw(&seed, 6); changes > 0; changes--) {
			const unsigned what = draw(&seed, 10);
			if (what < 4)
				service_change(&w, &m, &seed);
			else if (what < 9)
				pod_change(&w, &m, &seed);
			else
				node_change(&w, &m, &seed);
		}
		world_end_turn(&w);
		nothing_twice(&w);
		same_as_fresh(&w, &m);
		if (draw(&seed, 10) == 0)
			restart(&w, &m);
	}
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
