/*
 * Thousands of random turns: services that contest addresses come, change and go, commits are refused, some services
 * for good, tables are damaged, the daemon starts again. Whenever the kernel half is in sync, the table holds what the
 * objects ask for, no more and no less; with the sanitizers, nothing that was freed is read.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/sync_scene.h"

#define NAMES 6
#define STEPS 4000
#define WIDE_STEPS 1500
#define WIDE_PART 900
#define WIDE_PORTS 1100 /* heavy: compared and sent in parts, while others change */
#define POISON 6666	/* an endpoint that the kernel refuses */

static const char *const names[NAMES] = {"a", "b", "c", "d", "e", "f"};

static bool wide; /* some services are */

static int dice(int sides)
{
	return rand() % sides;
}

static void put_random_service(struct scene *s, const char *name)
{
	static const char *const vips[] = {"10.96.0.1", "10.96.0.2", "10.96.0.3"};
	struct arena *arena = arena_new(1024);
	struct service_object *o = make_service(arena, name, vips[dice(3)]);

	o->object.arena = arena;
	o->object.digest = ++s->serial;
	o->type = SERVICE_LOAD_BALANCER;
	o->external_policy = dice(2) ? POLICY_LOCAL : POLICY_CLUSTER;
	o->client_ip_affinity = dice(3) == 0;
	add_port(arena, o, "", IPPROTO_TCP, (uint16_t)(80 + dice(2)), 0);
	if (wide && dice(3) == 0)
		set_ports(arena, o, 80, WIDE_PORTS);
	if (dice(2))
		add_external_ip(arena, o, "1.1.1.1");
	if (dice(3) == 0)
		add_ingress(arena, o, "1.1.1.2", false);
	if (dice(3) == 0)
		add_range(arena, o, "203.0.113.0/24");
	s->sink.upsert(s->sink.ctx, &o->object);
}

static void put_random_slice(struct scene *s, const char *name)
{
	struct arena *arena = arena_new(1024);
	char endpoints[256] = "";
	size_t used = 0;

	for (int i = 1; i < 10; i++)
		if (dice(3) == 0)
			used += (size_t)snprintf(endpoints + used, sizeof endpoints - used, "%s10.0.0.%d%s ",
						 dice(4) ? "" : "~", i, i % 2 ? "@here" : "");
	struct slice_object *o = make_slice(arena, name, "", IPPROTO_TCP, dice(12) ? 8080 : POISON, endpoints);
	o->object.arena = arena;
	o->object.digest = ++s->serial;
	o->service_name = names[dice(20) ? name[0] - 'a' : dice(NAMES)]; /* now and then it changes hands */
	s->sink.upsert(s->sink.ctx, &o->object);
}

/* Another program deletes elements. */
static void damage(void)
{
	for (int i = dice(3); i >= 0 && kernel.table.count != 0; i--)
		kernel.table.items[dice((int)kernel.table.count)] = kernel.table.items[kernel.table.count - 1],
		kernel.table.count--;
}

/* A key that is there, or one beside it. */
static struct element external_key(void)
{
	struct element e = kernel.table.items[dice((int)kernel.table.count)];

	if (dice(3) == 0)
		e.port = (uint16_t)(80 + dice(3));
	if (dice(3) == 0)
		e.slot = (uint32_t)dice(4);
	if (dice(4) == 0)
		e.daddr.bytes[3] = (uint8_t)(1 + dice(4));
	return e;
}

/* Another program deletes, adds and changes elements, some of them several times. */
static void tinker(void)
{
	for (int i = dice(6); i >= 0 && kernel.table.count != 0; i--) {
		struct element e = external_key();
		size_t at = find(&kernel, &e);
		if (at < kernel.table.count)
			external_del(&kernel.table.items[at]);
		if (at < kernel.table.count && dice(3) == 0)
			continue;
		e.to.bytes[3] ^= (uint8_t)dice(2);
		e.verdict.affinity ^= dice(2);
		if (find(&kernel, &e) == kernel.table.count)
			external_add(&e);
	}
}

static void object_step(struct scene *s)
{
	const char *name = names[dice(NAMES)];

	switch (dice(6)) {
	case 0:
		s->sink.remove(s->sink.ctx, OBJECT_SERVICE, "default", name);
		break;
	case 1:
		s->sink.remove(s->sink.ctx, OBJECT_SLICE, "default", name);
		break;
	case 2:
	case 3:
		put_random_service(s, name);
		break;
	default:
		put_random_slice(s, name);
		break;
	}
}

static void trouble_step(void)
{
	switch (dice(12)) {
	case 0:
		kernel.fail = -EBUSY;
		kernel.loses = (size_t)dice(3);
		break;
	case 1:
		damage();
		external_change();
		break;
	case 2:
	case 3:
		tinker();
		break;
	default:
		break;
	}
}

/* The table that these objects ask for, compiled without what any turn left behind but the slots and who is held. */
static void check_table(struct scene *s)
{
	struct arena *scratch = arena_new(4096);
	struct owners *owners = owners_new(NULL, NULL);
	struct service *all[NAMES * 2] = {NULL};
	struct element_list want = {0};
	struct store_service *service;
	size_t at = 0, count = 0;

	while ((service = store_next_service(s->store, &at)) != NULL) {
		const struct compile_input in = {.object = service->object,
						 .slice_count = service->slice_count,
						 .slices = service->slices,
						 .node = &s->node.facts,
						 .prev = service->current};
		assert_false(service->pending);
		if (service->object == NULL)
			assert_null(service->current);
		else if (service->refusal != NULL && service->current != NULL)
			all[count++] = service_pack(service->current);
		else if (service->refusal == NULL && (all[count] = service_compile(&in, scratch)) != NULL)
			count++;
	}
	for (size_t i = 0; i < count; i++)
		owners_replace(owners, NULL, all[i], NULL, NULL);
	for (size_t i = 0; i < count; i++)
		elements_collect(&want, all[i], owners);
	element_list_sort(&want);
	element_list_sort(&kernel.table);
	assert_int_equal(kernel.table.count, want.count);
	for (size_t i = 0; i < want.count; i++)
		assert_true(element_equal(&want.items[i], &kernel.table.items[i]));
	for (size_t i = 0; i < count; i++) {
		owners_replace(owners, all[i], NULL, NULL, NULL);
		service_free(all[i]);
	}
	element_list_fini(&want);
	owners_free(owners);
	arena_free(scratch);
}

/* The daemon ends and another one finds the table. */
static void restart(struct scene *s)
{
	scene_end(s);
	answers_fini();
	scene_start(s);
	for (int i = 0; i < 2 * NAMES; i++)
		object_step(s);
	s->sink.complete(s->sink.ctx);
}

static void turns(int steps)
{
	static struct scene s;
	size_t checked = 0, held = 0;
	uint64_t now_ms = 0;

	s = (struct scene){0};
	srand(23);
	log_set_level(LOG_WARN);
	kernel.poison_port = POISON;
	s.node.facts.name = "here";
	scene_start(&s);
	s.sink.complete(s.sink.ctx);
	for (int step = 0; step < steps; step++) {
		for (int i = wide && dice(3) ? 0 : dice(4); i > 0; i--) /* a large one takes many turns */
			object_step(&s);
		trouble_step();
		if (dice(2)) /* else the turn itself looks, or finds nothing to do */
			sync_external_changes(s.sync, now_ms);
		now_ms += (uint64_t)dice(300);
		uint64_t wait_ms = sync_turn(s.sync, now_ms);
		if (sync_stats(s.sync)->in_sync && wait_ms != 0 && !external_changes_due(&kernel.told)) {
			check_table(&s);
			checked++;
			held += sync_stats(s.sync)->quarantined != 0;
		}
		if (dice(200) == 0)
			restart(&s);
		buf_clear(&events);
	}
	assert_in_range(checked, steps / 30, steps);
	assert_in_range(held, steps / 400, steps);
	scene_end(&s);
	fakes_fini();
}

static void turns_in_any_order_end_in_sync(void **state)
{
	(void)state;
	turns(STEPS);
}

/* A turn has one step of a large service; the others change between its steps, and contest what it has. */
static void with_large_services(void **state)
{
	(void)state;
	wide = true;
	kernel.part_max = WIDE_PART;
	turns(WIDE_STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_in_any_order_end_in_sync),
		cmocka_unit_test(with_large_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
