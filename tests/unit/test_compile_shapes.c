/* The largest objects that an API server takes (1.5 MB), one shape a row: ten times the size costs at most n log n. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "proxy/address_notes.h"
#include "tests/unit/show_lab.h"
#include "service/budget.h"
#include "tests/unit/compile_bench.h"
#include "tests/unit/cpu_clock.h"

#define GROWTH_MAX 40	 /* n log n is 13 to 15 times, n² a hundred */
#define NOISE_NS 2000000 /* what is faster at full size cannot fail: too short to compare */
#define TRIES 5
#define SLICE_ENDPOINTS 1000 /* the API server's bound */

struct world {
	struct arena *a;
	struct service_object *o;
	const struct slice_object **slices;
	size_t slice_count;
};

/* ---- parts ---- */

static struct addr numbered(size_t i, uint8_t first)
{
	return (struct addr){AF_INET, {first, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
}

static void give_ports(struct world *w, size_t count)
{
	struct port_object *ports = arena_array(w->a, count, sizeof *ports);

	for (size_t i = 0; i < count; i++)
		ports[i] = (struct port_object){
			.name = arena_printf(w->a, "p%zu", i), .proto = IPPROTO_TCP, .port = (uint16_t)(i + 1)};
	w->o->ports = ports;
	w->o->port_count = count;
}

static const struct endpoint_object *some_endpoints(struct world *w, size_t from, size_t count)
{
	struct endpoint_object *e = arena_array(w->a, count, sizeof *e);

	for (size_t i = 0; i < count; i++)
		e[i] = (struct endpoint_object){.addr = numbered(from + i, 10),
						.ready = true,
						.serving = true,
						.weight = 1,
						.node_name = "here"};
	return e;
}

/* A slice with ports p0… (or all of one name), and `count` endpoints from number `from` on. */
static struct slice_object *give_slice(struct world *w, size_t ports, const char *name, size_t from, size_t count)
{
	struct slice_object *s =
		make_slice(w->a, arena_printf(w->a, "wide-%zu", w->slice_count), "", IPPROTO_TCP, 1, "");
	struct slice_port_object *p = arena_array(w->a, ports, sizeof *p);

	for (size_t i = 0; i < ports; i++)
		p[i] = (struct slice_port_object){.name = name != NULL ? name : arena_printf(w->a, "p%zu", i),
						  .proto = IPPROTO_TCP,
						  .port = (uint16_t)(i + 1)};
	s->ports = p;
	s->port_count = ports;
	s->endpoints = some_endpoints(w, from, count);
	s->endpoint_count = count;
	w->slices[w->slice_count++] = s;
	return s;
}

static void local(struct world *w)
{
	w->o->type = SERVICE_LOAD_BALANCER;
	w->o->external_policy = POLICY_LOCAL;
	w->o->health_check_node_port = 30000;
}

/* ---- shapes: `n` is the full size or a tenth of it ---- */

static void ports(struct world *w, size_t n)
{
	give_ports(w, n);
	give_slice(w, n, NULL, 0, 5);
}

static void ports_without_endpoint(struct world *w, size_t n)
{
	give_ports(w, n);
	give_slice(w, n, NULL, 0, 0);
}

/* Names that a manifest may repeat, and slices without endpoints, which count for nothing. */
static void ports_of_one_name(struct world *w, size_t n)
{
	give_ports(w, n);
	for (size_t i = 0; i < n; i++)
		((struct port_object *)w->o->ports)[i].name = "";
	give_slice(w, n, "", 0, 0);
}

static void ports_of_one_name_and_other_family(struct world *w, size_t n)
{
	ports_of_one_name(w, n);
	struct slice_object *s = give_slice(w, n, "", 0, 1);
	s->family = AF_INET6;
}

static void names_that_match_nothing(struct world *w, size_t n)
{
	give_ports(w, n);
	give_slice(w, n, "x", 0, 5);
}

static void endpoints(struct world *w, size_t n)
{
	give_ports(w, 1);
	for (size_t i = 0; i < n; i += SLICE_ENDPOINTS)
		give_slice(w, 1, NULL, i, SLICE_ENDPOINTS);
}

static void same_endpoints(struct world *w, size_t n)
{
	give_ports(w, 1);
	for (size_t i = 0; i < n; i += SLICE_ENDPOINTS)
		give_slice(w, 1, NULL, 0, SLICE_ENDPOINTS);
}

static void more_addresses(struct world *w, size_t n)
{
	give_ports(w, 1);
	struct slice_object *s = give_slice(w, 1, NULL, 0, n / 100);
	for (size_t i = 0; i < s->endpoint_count; i++) {
		struct endpoint_object *e = (struct endpoint_object *)&s->endpoints[i];
		struct addr *more = arena_array(w->a, 99, sizeof *more);
		for (size_t k = 0; k < 99; k++)
			more[k] = numbered(i * 99 + k, 11);
		struct endpoint_extra *x = arena_array(w->a, 1, sizeof *x);
		*x = (struct endpoint_extra){.more_addrs = more, .more_addr_count = 99};
		e->extra = x;
	}
}

static void headless_addresses(struct world *w, size_t n)
{
	more_addresses(w, n);
	w->o->headless = true;
}

static void headless_ports(struct world *w, size_t n)
{
	ports(w, n);
	w->o->headless = true;
}

static void slices_of_many_ports(struct world *w, size_t n)
{
	give_ports(w, 1);
	for (size_t i = 0; i < 10; i++)
		give_slice(w, n / 10, NULL, i, 1);
}

static void health_check_of_many_ports(struct world *w, size_t n)
{
	local(w);
	give_ports(w, 1);
	give_slice(w, n, NULL, 0, n / 20);
}

static void health_check_of_two_slices(struct world *w, size_t n)
{
	health_check_of_many_ports(w, n);
	give_slice(w, n, NULL, 0, n / 20);
}

static void external_addresses(struct world *w, size_t n)
{
	struct addr *all = arena_array(w->a, n, sizeof *all);

	give_ports(w, 1);
	give_slice(w, 1, NULL, 0, 1);
	for (size_t i = 0; i < n; i++)
		all[i] = numbered(i, 100);
	w->o->external_ips = all;
	w->o->external_ip_count = n;
}

static void ingress(struct world *w, size_t n)
{
	struct ingress_object *all = arena_array(w->a, n, sizeof *all);

	local(w);
	give_ports(w, 1);
	give_slice(w, 1, NULL, 0, 1);
	for (size_t i = 0; i < n; i++)
		all[i].addr = numbered(i, 100);
	w->o->ingress = all;
	w->o->ingress_count = n;
}

static void source_ranges(struct world *w, size_t n)
{
	struct cidr *all = arena_array(w->a, n, sizeof *all);

	local(w);
	give_ports(w, 1);
	give_slice(w, 1, NULL, 0, 1);
	for (size_t i = 0; i < n; i++)
		all[i] = (struct cidr){numbered(i, 172), 32};
	w->o->source_ranges = all;
	w->o->source_range_count = n;
	add_ingress(w->a, w->o, "203.0.113.1", false);
}

static void ingress_and_ranges_apart(struct world *w, size_t n)
{
	ingress(w, n);
	struct cidr *all = arena_array(w->a, n, sizeof *all);
	for (size_t i = 0; i < n; i++)
		all[i] = (struct cidr){{AF_INET6, {0x20, 1, (uint8_t)(i >> 8), (uint8_t)i}}, 128};
	w->o->source_ranges = all;
	w->o->source_range_count = n;
}

/* As many as an endpoint may have. */
static void hints(struct world *w, size_t n)
{
	static const char *const names[] = {"zone-1", "zone-2", "zone-3", "zone-4",
					    "zone-5", "zone-6", "zone-7", "zone-8"};
	static const struct endpoint_extra extra = {.zone_hints = names, .zone_hint_count = 8};

	give_ports(w, n);
	struct slice_object *s = give_slice(w, n, NULL, 0, SLICE_ENDPOINTS);
	for (size_t i = 0; i < s->endpoint_count; i++) {
		struct endpoint_object *e = (struct endpoint_object *)&s->endpoints[i];
		e->extra = &extra;
	}
}

static void maglev(struct world *w, size_t n)
{
	endpoints(w, n);
	w->o->balance = BALANCE_MAGLEV;
}

static const struct shape {
	const char *name;
	void (*make)(struct world *w, size_t n);
	size_t full;
} shapes[] = {
	{"ports", ports, 20000},
	{"ports without endpoint", ports_without_endpoint, 20000},
	{"ports of one name", ports_of_one_name, 20000},
	{"ports of one name, two families", ports_of_one_name_and_other_family, 20000},
	{"names that match nothing", names_that_match_nothing, 20000},
	{"endpoints", endpoints, 100000},
	{"same endpoints in all slices", same_endpoints, 100000},
	{"addresses of endpoints", more_addresses, 80000},
	{"headless, addresses", headless_addresses, 80000},
	{"headless, ports", headless_ports, 20000},
	{"slices of many ports", slices_of_many_ports, 60000},
	{"health check, ports x endpoints", health_check_of_many_ports, 20000},
	{"health check, two such slices", health_check_of_two_slices, 20000},
	{"external addresses", external_addresses, 50000},
	{"ingress", ingress, 30000},
	{"source ranges", source_ranges, 4000},
	{"ingress, ranges of the other family", ingress_and_ranges_apart, 20000},
	{"ports x endpoints with hints", hints, 250},
	{"maglev", maglev, 60000},
};

/* ---- the bounds ---- */

/* A turn's work on the service: it is counted, and compiled when it is within the budget. */
static uint64_t turn_ns(struct bench *b, struct world *w, bool *within)
{
	uint64_t start = cpu_ns();

	b->in.object = w->o;
	b->in.slices = w->slices;
	b->in.slice_count = w->slice_count;
	b->in.prev = b->s; /* each port is looked for in the version before */
	*within = budget_count(&b->in, BUDGET_ELEMENTS_DEFAULT, b->scratch) <= BUDGET_ELEMENTS_DEFAULT;
	if (*within)
		compile(b, w->o, w->slices, w->slice_count);
	return cpu_ns() - start;
}

static uint64_t best_ns(struct bench *b, const struct shape *shape, size_t n, bool *within)
{
	struct world w = {.a = b->objects, .o = make_service(b->objects, "wide", "10.96.0.1")};
	uint64_t best = UINT64_MAX;

	w.slices = arena_array(b->objects, n + 1, sizeof *w.slices);
	shape->make(&w, n);
	for (int i = 0; i < TRIES; i++) {
		uint64_t took = turn_ns(b, &w, within);
		best = took < best ? took : best;
	}
	service_free(b->s);
	b->s = NULL;
	b->in.prev = NULL;
	return best;
}

static void test_growth(void **state)
{
	struct bench *b = *state;
	unsigned bad = 0;

	b->node.zone = "elsewhere";
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		bool within;
		uint64_t few = best_ns(b, &shapes[i], shapes[i].full / 10, &within);
		uint64_t many = best_ns(b, &shapes[i], shapes[i].full, &within);
		bool fine = many <= NOISE_NS || many <= few * GROWTH_MAX;
		print_message("%-36s %6.2f ms, a tenth of it %6.2f ms%s%s\n", shapes[i].name, (double)many / 1e6,
			      (double)few / 1e6, within ? "" : ", over the budget", fine ? "" : ": grows too fast");
		bad += !fine;
	}
	assert_int_equal(bad, 0);
}

/* What `fairlead endpoints` prints of a port with n endpoints, each with a slot. */
static uint64_t print_ns(struct bench *b, size_t n)
{
	struct world w = {.a = b->objects, .o = make_service(b->objects, "wide", "10.96.0.1")};
	struct buf text = {0};

	w.slices = arena_array(b->objects, n, sizeof *w.slices);
	endpoints(&w, n);
	compile(b, w.o, w.slices, w.slice_count);
	uint64_t start = cpu_ns();
	print_endpoints(&text, b->s, NULL);
	uint64_t took = cpu_ns() - start;
	assert_non_null(strstr(text.data, "slot 5\n"));
	buf_fini(&text);
	return took;
}

static void test_printing(void **state)
{
	uint64_t few = print_ns(*state, 6000), many = print_ns(*state, 60000);

	print_message("6 000 endpoints: %.2f ms, 60 000: %.2f ms\n", (double)few / 1e6, (double)many / 1e6);
	assert_true(many <= few * GROWTH_MAX);
}

/* A port has 65 536 slots: what is left out is counted, once however often it stands in slices, and said. */
static void test_endpoints_beyond_the_slots(void **state)
{
	struct bench *b = *state;
	struct world w = {.a = b->objects, .o = make_service(b->objects, "wide", "10.96.0.1")};
	struct buf text = {0};

	w.slices = arena_array(b->objects, 100, sizeof *w.slices);
	endpoints(&w, 70000);
	give_slice(&w, 1, NULL, 0, SLICE_ENDPOINTS);
	give_slice(&w, 1, NULL, 69000, SLICE_ENDPOINTS);
	const struct service *s = compile(b, w.o, w.slices, w.slice_count);
	assert_int_equal(s->ports[0].target_count, TARGETS_MAX);
	assert_int_equal(s->ports[0].cluster.count, TARGETS_MAX);
	assert_int_equal(s->ports[0].left_out, 70000 - TARGETS_MAX);
	left_out_format(&text, &s->ports[0]);
	assert_string_equal(text.data,
			    "port p0 1/TCP IPv4: 4464 endpoints are left out, only the first 65536 are used");
	buf_clear(&text);
	print_frontends(&text, s, NULL);
	assert_non_null(strstr(text.data, "default/wide port p0 1/TCP IPv4: 4464 endpoints are left out"));
	buf_fini(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_growth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_printing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endpoints_beyond_the_slots, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
