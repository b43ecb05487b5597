/*
 * The 125 flows of tests/vectors/proxy.json against elements: objects are compiled, and a small model of the constant
 * ruleset reads the elements as the kernel would. The same flows run on the real kernel in tests/kernel; here a wrong
 * element is found in a millisecond.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load.h"
#include "proxy/elements.h"
#include "vectors.h"

#define SERVICES_MAX 16

struct world {
	struct element_list elements;
	struct cidr pods, service_cidr;
	bool detector, masquerade_all;
};

struct packet {
	struct addr src, dst;
	uint8_t proto;
	uint16_t port;
	bool from_node;
};

struct outcome {
	const char *action; /* as in the vectors */
	bool masquerade;
	enum set_id pool;
	uint32_t size;
};

static const struct element *find(const struct world *w, enum set_id set, const struct packet *p, uint32_t slot)
{
	for (size_t i = 0; i < w->elements.count; i++) {
		const struct element *e = &w->elements.items[i];
		if (e->set == set && addr_equal(&e->daddr, &p->dst) && e->proto == p->proto && e->port == p->port &&
		    e->slot == slot)
			return e;
	}
	return NULL;
}

static bool allowed(const struct world *w, const struct packet *p)
{
	for (size_t i = 0; i < w->elements.count; i++) {
		const struct element *e = &w->elements.items[i];
		if (e->set == SET_ALLOWED_SOURCES && addr_equal(&e->daddr, &p->dst) && e->proto == p->proto &&
		    e->port == p->port && cidr_contains(&e->range, &p->src))
			return true;
	}
	return false;
}

/* Nothing in SET_DISPATCH: another port of a ClusterIP is refused, an unallocated one dropped. */
static struct outcome unknown(const struct world *w, const struct packet *p)
{
	for (size_t i = 0; i < w->elements.count; i++)
		if (w->elements.items[i].set == SET_CLUSTER_IPS && addr_equal(&w->elements.items[i].daddr, &p->dst))
			return (struct outcome){.action = "reject"};
	return (struct outcome){.action = cidr_contains(&w->service_cidr, &p->dst) ? "drop" : "none"};
}

static struct outcome follow(const struct world *w, const struct packet *p, enum set_id set);

/* What the chain by-source does. */
static struct outcome by_source(const struct world *w, const struct packet *p)
{
	if (find(w, SET_RESTRICTED, p, 0) != NULL && !allowed(w, p))
		return (struct outcome){.action = "drop"};
	if (find(w, SET_SOURCE_RANGES, p, 0) != NULL)
		return follow(w, p, SET_SOURCE_RANGES);
	if (w->detector && cidr_contains(&w->pods, &p->src))
		return follow(w, p, SET_INTERNAL);
	if (!p->from_node)
		return follow(w, p, SET_LOCAL);
	struct outcome o = follow(w, p, SET_INTERNAL);
	o.masquerade = true;
	return o;
}

static struct outcome follow(const struct world *w, const struct packet *p, enum set_id set)
{
	const struct element *e = find(w, set, p, 0);
	bool outside = w->detector && !cidr_contains(&w->pods, &p->src);

	if (e == NULL)
		return unknown(w, p);
	struct outcome o = {.action = "dnat", .pool = SET_ENDPOINTS, .size = e->verdict.size};
	switch (e->verdict.kind) {
	case VERDICT_CLUSTER:
		o.masquerade = w->masquerade_all || outside;
		return o;
	case VERDICT_EXTERNAL:
		o.masquerade = true;
		return o;
	case VERDICT_PICK:
		return o;
	case VERDICT_PICK_INTERNAL:
		o.pool = SET_INTERNAL_ENDPOINTS;
		return o;
	case VERDICT_BY_SOURCE:
		return by_source(w, p);
	case VERDICT_REJECT:
		return (struct outcome){.action = "reject"};
	default:
		assert_int_equal(e->verdict.kind, VERDICT_DROP);
		return (struct outcome){.action = "drop"};
	}
}

/* Every slot that is filled leads to an expected endpoint, and every expected endpoint has one. */
static void expect_endpoints(const struct world *w, const struct packet *p, struct outcome *o, const struct value *list)
{
	unsigned seen = 0;

	for (uint32_t slot = 0; slot < o->size; slot++) {
		const struct element *e = find(w, o->pool, p, slot);
		char text[ADDR_PORT_TEXT_BYTES];
		unsigned at = 0;
		if (e == NULL)
			continue;
		addr_port_format(&e->to, e->to_port, text);
		for (const struct value *v = list->first; v != NULL; v = v->next, at++)
			if (strcmp(v->text, text) == 0)
				break;
		assert_true(at < list->count);
		seen |= 1u << at;
		/* The upstream tracer looks at the first endpoint for hairpin. */
		if (strcmp(text, list->first->text) == 0 && addr_equal(&e->to, &p->src))
			o->masquerade = true;
	}
	assert_int_equal(seen, (1u << list->count) - 1);
	assert_non_null(find(w, o->pool, p, 0)); /* the last resort of the rules */
}

static void run_flow(const struct world *w, const struct value *flow)
{
	const struct value *expect = value_get(flow, "expect"), *masquerade = value_get(flow, "masq");
	const char *proto = text_of(flow, "proto"), *kind = text_of(flow, "src_kind");
	struct packet p = {.port = (uint16_t)value_get(flow, "dport")->integer};

	p.from_node = strcmp(kind, "node") == 0 || strcmp(kind, "lb-vip-as-source") == 0;
	p.proto = strcmp(proto, "udp") == 0 ? IPPROTO_UDP : strcmp(proto, "tcp") == 0 ? IPPROTO_TCP : IPPROTO_SCTP;
	assert_true(addr_parse(&p.src, text_of(flow, "src")) && addr_parse(&p.dst, text_of(flow, "dst")));
	struct outcome o = follow(w, &p, SET_DISPATCH);
	print_message("  %s: %s\n", text_of(flow, "name"), o.action);
	assert_string_equal(o.action, text_of(expect, "action"));
	if (strcmp(o.action, "dnat") != 0)
		return;
	expect_endpoints(w, &p, &o, value_get(expect, "endpoints"));
	assert_int_equal(o.masquerade, masquerade->boolean);
}

static void world_init(struct world *w, const struct value *node)
{
	const struct value *detect = value_get(node, "detectLocal");

	*w = (struct world){.detector = detect != NULL, .masquerade_all = value_get(node, "masqueradeAll")->boolean};
	if (detect != NULL)
		assert_true(cidr_parse(&w->pods, text_of(detect, "cidr")));
	assert_true(cidr_parse(&w->service_cidr, value_get(node, "serviceCIDRs")->first->text));
}

static void compile_all(struct world *w, const struct loaded *l, const struct value *node)
{
	struct arena *scratch = arena_new(4096);
	struct addr host[16], got[16], node_ip;
	size_t host_count = vectors_interfaces(value_get(node, "localInterfaces"), host, 16);
	struct nodeports n = vectors_nodeports(value_get(node, "nodePortAddresses"));
	struct node_facts view = {.name = text_of(node, "nodeName"), .ip_count = 1, .ips = &node_ip};

	assert_true(addr_parse(&node_ip, text_of(node, "nodeIP")));
	view.node_port_addr_count = nodeports_evaluate(&n, host, host_count, NULL, 0, got);
	view.node_port_addrs = got;
	for (size_t i = 0; i < l->count; i++) {
		if (l->objects[i]->kind != OBJECT_SERVICE)
			continue;
		struct service *s = loaded_compile(l, (const struct service_object *)l->objects[i], &view, scratch);
		elements_collect(&w->elements, s, NULL);
		service_free(s);
	}
	arena_free(scratch);
}

static size_t flow_count;

static void run_case(const struct value *v)
{
	struct loaded l = {0};
	struct world w;

	world_init(&w, value_get(v, "node"));
	for (const struct value *s = value_get(v, "services")->first; s != NULL; s = s->next)
		load_value(&l, s);
	for (const struct value *s = value_get(v, "endpointslices")->first; s != NULL; s = s->next)
		load_value(&l, s);
	compile_all(&w, &l, value_get(v, "node"));
	for (const struct value *f = value_get(v, "flows")->first; f != NULL; f = f->next, flow_count++)
		run_flow(&w, f);
	element_list_fini(&w.elements);
	loaded_fini(&l);
}

static void flows(void **state)
{
	assert_int_equal(vectors_each(*state, "tests", run_case), 27);
	assert_int_equal(flow_count, 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(flows)};
	return cmocka_run_group_tests(tests, vectors_setup, vectors_teardown);
}
