/* What one Service may cost: compiling takes n log n, and what it asks of the kernel is counted before it is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "proxy/elements.h"
#include "service/budget.h"
#include "tests/unit/compile_bench.h"
#include "tests/unit/cpu_clock.h"

#define FEW 2000
#define MANY 20000
#define GROWTH_MAX 40 /* ten times the ports: n log n is 13 times, n² a hundred */
#define TRIES 5

/* A Service of `count` ports and a slice with the same ports, and `endpoints` of them. */
static void make(struct bench *b, size_t count, size_t endpoints, struct service_object **o,
		 struct slice_object **slice)
{
	struct arena *a = b->objects;
	struct port_object *ports = arena_array(a, count, sizeof *ports);
	struct slice_port_object *from = arena_array(a, count, sizeof *from);
	struct endpoint_object *e = arena_array(a, endpoints, sizeof *e);

	*o = make_service(a, "wide", "10.96.0.1");
	for (size_t i = 0; i < count; i++) {
		const char *name = arena_printf(a, "p%zu", i);
		ports[i] = (struct port_object){.name = name, .proto = IPPROTO_TCP, .port = (uint16_t)(i + 1)};
		from[i] = (struct slice_port_object){.name = name, .proto = IPPROTO_TCP, .port = (uint16_t)(i + 1)};
	}
	for (size_t i = 0; i < endpoints; i++)
		e[i] = (struct endpoint_object){
			.addr = {AF_INET, {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}},
			.ready = true,
			.serving = true,
			.weight = 1};
	(*o)->ports = ports;
	(*o)->port_count = count;
	*slice = make_slice(a, "wide-1", "unused", IPPROTO_TCP, 1, "");
	(*slice)->ports = from;
	(*slice)->port_count = count;
	(*slice)->endpoints = e;
	(*slice)->endpoint_count = endpoints;
}

static uint64_t compile_ns(struct bench *b, size_t ports)
{
	struct service_object *o;
	struct slice_object *slice;
	uint64_t best = UINT64_MAX;

	make(b, ports, 5, &o, &slice);
	for (int i = 0; i < TRIES; i++) {
		uint64_t start = cpu_ns();
		b->in.prev = b->s; /* each port is looked for in the version before */
		compile(b, o, (const struct slice_object *[]){slice}, 1);
		uint64_t took = cpu_ns() - start;
		best = took < best ? took : best;
	}
	b->in.prev = NULL;
	return best;
}

static void test_many_ports(void **state)
{
	struct bench *b = *state;
	uint64_t few = compile_ns(b, FEW), many = compile_ns(b, MANY);

	print_message("%d ports: %.2f ms, %d ports: %.2f ms\n", FEW, (double)few / 1e6, MANY, (double)many / 1e6);
	assert_int_equal(b->s->port_count, MANY);
	assert_int_equal(b->s->ports[MANY - 1].target_count, 5);
	assert_true(many <= few * GROWTH_MAX);
}

static size_t verdicts_in(const struct element_list *list)
{
	size_t sum = 0;

	for (size_t i = 0; i < list->count; i++)
		sum += list->items[i].verdict.kind != VERDICT_NONE;
	return sum;
}

/* The counts are never below what elements_collect makes. */
static void assert_counted(struct bench *b, const struct service_object *o, struct slice_object *slice)
{
	struct element_list list = {0};

	compile(b, o, (const struct slice_object *[]){slice}, 1);
	elements_collect(&list, b->s, NULL);
	for (uint64_t max = 0; max < 2; max++) { /* the exact count, and the rough one */
		uint64_t count = budget_count(&b->in, max == 0 ? 0 : UINT64_MAX, b->scratch);
		print_message("%zu elements, counted %llu\n", list.count, (unsigned long long)count);
		assert_true(count >= list.count);
		count -= budget_ranges(&b->in) * (BUDGET_RANGE_COST - 1);
		assert_true(count >= list.count);
		assert_true(max != 0 || count <= 3 * (uint64_t)list.count + 16);
	}
	print_message("%zu verdicts, counted %llu\n", verdicts_in(&list), (unsigned long long)budget_verdicts(&b->in));
	assert_true(budget_verdicts(&b->in) >= verdicts_in(&list));
	assert_true(budget_verdicts(&b->in) <= 2 * verdicts_in(&list));
	element_list_fini(&list);
}

static void test_budget(void **state)
{
	struct bench *b = *state;
	struct service_object *o;
	struct slice_object *slice;

	make(b, 3, 10, &o, &slice);
	assert_counted(b, o, slice);
	for (int i = 0; i < 20; i++)
		add_external_ip(b->objects, o, arena_printf(b->objects, "192.0.2.%d", i + 1));
	assert_counted(b, o, slice);
	o->type = SERVICE_LOAD_BALANCER;
	o->external_policy = POLICY_LOCAL;
	for (int i = 0; i < 5; i++)
		add_ingress(b->objects, o, arena_printf(b->objects, "198.51.100.%d", i + 1), false);
	for (int i = 0; i < 30; i++)
		add_range(b->objects, o, arena_printf(b->objects, "203.0.%d.0/24", 2 * i));
	assert_counted(b, o, slice);
	add_range(b->objects, o, "192.168.0.0/24"); /* the node's: each ingress address is a range, too */
	((struct port_object *)o->ports)[0].node_port = 30080;
	o->client_ip_affinity = true;
	o->affinity_timeout_s = 60;
	assert_counted(b, o, slice);
	for (size_t i = 0; i < slice->endpoint_count; i++)
		((struct endpoint_object *)slice->endpoints)[i].weight = (uint16_t)(1 + i * 7);
	assert_counted(b, o, slice);
	o->balance = BALANCE_MAGLEV;
	assert_counted(b, o, slice);
}

/* The objects of the review that ran nodes out of memory: known to be too much at once, without making any of it. */
static void test_expansions_are_seen_at_once(void **state)
{
	struct bench *b = *state;
	struct service_object *o;
	struct slice_object *slice;

	make(b, 150, 10, &o, &slice);
	o->balance = BALANCE_MAGLEV;
	b->in.object = o;
	b->in.slices = (const struct slice_object *[]){slice};
	b->in.slice_count = 1;
	assert_true(budget_count(&b->in, BUDGET_ELEMENTS_DEFAULT, b->scratch) > BUDGET_ELEMENTS_DEFAULT);

	make(b, 1000, 1, &o, &slice);
	for (int i = 0; i < 1000; i++)
		add_external_ip(b->objects, o, arena_printf(b->objects, "192.%d.2.%d", i / 250, i % 250 + 1));
	b->in.object = o;
	b->in.slices = (const struct slice_object *[]){slice};
	assert_true(budget_count(&b->in, BUDGET_ELEMENTS_DEFAULT, b->scratch) > BUDGET_ELEMENTS_DEFAULT);
	assert_true(arena_bytes(b->scratch) < 1 << 20);

	make(b, MANY, 100, &o, &slice);
	b->in.object = o;
	b->in.slices = (const struct slice_object *[]){slice};
	assert_int_equal(budget_count(&b->in, BUDGET_ELEMENTS_DEFAULT, b->scratch) > BUDGET_ELEMENTS_DEFAULT, true);
}

/* What the Service says, on any node. */
static uint32_t fits(size_t ports, size_t external_ips, enum traffic_policy policy, uint64_t max)
{
	struct arena *a = arena_new(4096);
	struct service_object *o = make_service(a, "wide", "10.96.0.1");

	for (size_t i = 0; i < ports; i++)
		add_port(a, o, arena_printf(a, "p%zu", i), IPPROTO_TCP, (uint16_t)(i + 1), 0);
	for (size_t i = 0; i < external_ips; i++)
		add_external_ip(a, o, arena_printf(a, "192.0.2.%zu", i + 1));
	o->external_policy = policy;
	o->balance = BALANCE_MAGLEV;
	const uint32_t size = budget_maglev_size(o, max);
	arena_free(a);
	return size;
}

static void test_maglev_tables_that_fit(void **state)
{
	(void)state;
	assert_int_equal(fits(1, 0, POLICY_CLUSTER, BUDGET_ELEMENTS_DEFAULT), 65536);
	assert_int_equal(fits(3, 0, POLICY_CLUSTER, BUDGET_ELEMENTS_DEFAULT), 65536);
	assert_int_equal(fits(4, 0, POLICY_CLUSTER, BUDGET_ELEMENTS_DEFAULT), 16384);
	assert_int_equal(fits(15, 0, POLICY_CLUSTER, BUDGET_ELEMENTS_DEFAULT), 16384);
	assert_int_equal(fits(16, 0, POLICY_CLUSTER, BUDGET_ELEMENTS_DEFAULT), 4096);
	assert_int_equal(fits(8, 1, POLICY_CLUSTER, BUDGET_ELEMENTS_DEFAULT), 4096);
	assert_int_equal(fits(4, 1, POLICY_LOCAL, BUDGET_ELEMENTS_DEFAULT), 4096);
	assert_int_equal(fits(150, 0, POLICY_CLUSTER, BUDGET_ELEMENTS_DEFAULT), 1024);
	assert_int_equal(fits(1000, 0, POLICY_CLUSTER, BUDGET_ELEMENTS_DEFAULT), 256);
	assert_int_equal(fits(2000, 0, POLICY_CLUSTER, BUDGET_ELEMENTS_DEFAULT), 256); /* and is held */
	assert_int_equal(fits(2000, 0, POLICY_CLUSTER, 0), 65536);
}

static uint64_t counted(struct bench *b, const struct service_object *o, struct slice_object *slice)
{
	b->in.object = o;
	b->in.slices = (const struct slice_object *[]){slice};
	b->in.slice_count = 1;
	b->in.maglev_fits = budget_maglev_size(o, BUDGET_ELEMENTS_DEFAULT);
	return budget_count(&b->in, 0, b->scratch);
}

/* Its tables are within the budget, and of one size, as long as endpoints do not outnumber the slots. */
static void test_maglev_within_the_budget(void **state)
{
	static const size_t ports[] = {1, 15, 16, 60, 150, 500, 1000};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		for (size_t endpoints = 2; endpoints <= 250; endpoints += 124) {
			struct service_object *o;
			struct slice_object *slice;
			make(b, ports[i], endpoints, &o, &slice);
			o->balance = BALANCE_MAGLEV;
			assert_true(counted(b, o, slice) <= BUDGET_ELEMENTS_DEFAULT);
			compile(b, o, (const struct slice_object *[]){slice}, 1);
			const uint32_t size = b->s->maglev_slots;
			assert_int_equal(size, fits(ports[i], 0, POLICY_CLUSTER, BUDGET_ELEMENTS_DEFAULT) == 65536
						       ? 16384
						       : b->in.maglev_fits);
			for (size_t p = 0; p < b->s->port_count; p++)
				assert_int_equal(b->s->ports[p].cluster.size, size);
		}
	b->in.maglev_fits = 0;
}

/* Nodes with one node port address, or two, have the same tables; what a node has more may be too much there. */
static void test_maglev_on_other_nodes(void **state)
{
	static const struct addr addrs[] = {
		{AF_INET, {192, 168, 0, 1}}, {AF_INET, {192, 168, 0, 2}}, {AF_INET, {192, 168, 0, 3}}};
	struct bench *b = *state;
	const struct node_facts *before = b->in.node;
	struct service_object *o;
	struct slice_object *slice;

	make(b, 84, 2, &o, &slice);
	for (size_t i = 0; i < o->port_count; i++)
		((struct port_object *)o->ports)[i].node_port = (uint16_t)(30000 + i);
	o->balance = BALANCE_MAGLEV;
	for (size_t n = 1; n <= 3; n++) {
		struct node_facts node = *before;
		node.node_port_addrs = addrs;
		node.node_port_addr_count = n;
		b->in.node = &node;
		const uint64_t count = counted(b, o, slice);
		assert_int_equal(b->in.maglev_fits, 1024);
		assert_int_equal(count <= BUDGET_ELEMENTS_DEFAULT, n <= 2);
	}
	b->in.node = before;
	b->in.maglev_fits = 0;
}

/* 2^14 ports, 2^14 addresses, and 2^36 slots and ranges of each: a count that wraps at 2^64 would be nothing. */
static void test_product_does_not_wrap(void **state)
{
	struct bench *b = *state;
	const struct slice_object *slices[49];
	struct service_object *o;
	struct slice_object *slice;

	make(b, 1 << 14, 1, &o, &slice);
	((struct endpoint_object *)slice->endpoints)[0].weight = 42799; /* times 49 is 2^21 - 1 */
	for (size_t i = 0; i < 49; i++)
		slices[i] = slice;
	o->external_ip_count = (1 << 14) - 2 - b->in.node->node_port_addr_count;
	o->external_ips = arena_array(b->objects, o->external_ip_count, sizeof *o->external_ips);
	o->source_range_count = (1 << 15) - 4;
	o->source_ranges = arena_array(b->objects, o->source_range_count, sizeof *o->source_ranges);
	b->in.object = o;
	b->in.slices = slices;
	b->in.slice_count = 49;
	assert_true(budget_count(&b->in, BUDGET_ELEMENTS_DEFAULT, b->scratch) > BUDGET_ELEMENTS_DEFAULT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expansions_are_seen_at_once, setup, teardown),
		cmocka_unit_test(test_maglev_tables_that_fit),
		cmocka_unit_test_setup_teardown(test_maglev_within_the_budget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_maglev_on_other_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_product_does_not_wrap, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
