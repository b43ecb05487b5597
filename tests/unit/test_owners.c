/* Who owns a contested frontend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "objects.h"
#include "proxy/owners.h"

static struct service *compiled(struct arena *a, const struct service_object *o)
{
	const struct addr node_addr = ip("192.168.0.2");
	struct node_facts node = {.name = "here", .node_port_addr_count = 1, .node_port_addrs = &node_addr};
	struct compile_input in = {.object = o, .node = &node};
	struct arena *scratch = arena_new(4096);
	struct service *s = service_compile(&in, scratch);

	arena_free(a);
	arena_free(scratch);
	return s;
}

/* A service with one frontend per address, port 80. */
static struct service *claimant(const char *name, const char *cluster_ip, const char *external)
{
	struct arena *a = arena_new(4096);
	struct service_object *o = make_service(a, name, cluster_ip);

	add_port(a, o, "", IPPROTO_TCP, 80, 0);
	if (external != NULL)
		add_external_ip(a, o, external);
	return compiled(a, o);
}

/* At an address that no other service has, and at 1.1.1.1. */
static struct service *aged(const char *name, int64_t created_s)
{
	struct arena *a = arena_new(4096);
	struct service_object *o = make_service(a, name, "10.96.0.0");

	o->cluster_ips[0].bytes[3] = (uint8_t)name[0];
	o->created_s = created_s;
	add_port(a, o, "", IPPROTO_TCP, 80, 0);
	add_external_ip(a, o, "1.1.1.1");
	return compiled(a, o);
}

/* At 192.168.0.2, TCP port 30080, in one way. */
static struct service *claimant_of(enum frontend_kind kind, const char *name)
{
	struct arena *a = arena_new(4096);
	struct service_object *o = make_service(a, name, "10.96.0.0");
	bool node_port = kind == FRONTEND_NODE_PORT;

	o->cluster_ips[0].bytes[3] = (uint8_t)name[0];
	if (kind == FRONTEND_CLUSTER_IP)
		o->cluster_ips[0] = ip("192.168.0.2");
	o->type = kind == FRONTEND_CLUSTER_IP || kind == FRONTEND_EXTERNAL_IP ? SERVICE_CLUSTER_IP
									      : SERVICE_LOAD_BALANCER;
	add_port(a, o, "", IPPROTO_TCP, node_port ? 80 : 30080, node_port ? 30080 : 0);
	if (kind == FRONTEND_LOAD_BALANCER)
		add_ingress(a, o, "192.168.0.2", false);
	if (kind == FRONTEND_EXTERNAL_IP)
		add_external_ip(a, o, "192.168.0.2");
	return compiled(a, o);
}

struct told {
	struct buf text;
};

static void key_text(struct buf *b, const struct frontend_key *key)
{
	char text[ADDR_TEXT_BYTES];

	buf_printf(b, "%s:%u ", addr_format(&key->addr, text), (unsigned)key->port);
}

static void conflict(void *ctx, const struct conflict *c)
{
	struct buf *b = ctx;

	key_text(b, &c->key);
	if (c->more != 0)
		buf_printf(b, "and %zu more ", c->more);
	buf_printf(b, "%s beats %s; ", c->owner->name, c->loser->name);
}

static void moved(void *ctx, const struct frontend_key *key, const struct service *from, const struct service *to)
{
	struct buf *b = ctx;

	key_text(b, key);
	buf_printf(b, "%s to %s; ", from->name, to->name);
}

static const char *owner(const struct owners *c, const char *addr, uint16_t port)
{
	struct frontend_key key = {.addr = ip(addr), .proto = port != 0 ? IPPROTO_TCP : 0, .port = port};
	const struct service *s = owners_find(c, &key);

	return s != NULL ? s->name : "none";
}

static void expect_told(struct buf *b, const char *wanted)
{
	assert_string_equal(b->data != NULL ? b->data : "", wanted);
	buf_clear(b);
}

/* A turn of one change. */
static void replace(struct owners *c, const struct service *prev, const struct service *next, struct buf *told)
{
	owners_replace(c, prev, next, moved, told);
	owners_report_conflicts(c);
}

static void first_by_name_wins(void **state)
{
	struct buf told = {0};
	struct owners *c = owners_new(conflict, &told);
	struct service *a = claimant("a", "10.96.0.1", "1.1.1.1"), *b = claimant("b", "10.96.0.2", "1.1.1.1");
	struct service *z = claimant("z", "10.96.0.3", "1.1.1.1");

	(void)state;
	replace(c, NULL, b, &told);
	expect_told(&told, "");
	assert_string_equal(owner(c, "1.1.1.1", 80), "b");
	replace(c, NULL, z, &told);
	expect_told(&told, "1.1.1.1:80 b beats z; ");
	replace(c, NULL, a, &told);
	expect_told(&told, "1.1.1.1:80 b to a; 1.1.1.1:80 a beats b; ");
	assert_string_equal(owner(c, "1.1.1.1", 80), "a");
	replace(c, a, NULL, &told);
	expect_told(&told, "1.1.1.1:80 a to b; ");
	replace(c, z, NULL, &told);
	expect_told(&told, "");
	assert_string_equal(owner(c, "1.1.1.1", 80), "b");
	assert_string_equal(owner(c, "10.96.0.3", 80), "none");
	replace(c, b, NULL, &told);
	expect_told(&told, "");
	assert_string_equal(owner(c, "1.1.1.1", 80), "none");
	service_free(a);
	service_free(b);
	service_free(z);
	owners_free(c);
	buf_fini(&told);
}

/* A new version of winner and loser: nothing moves, and the old versions may be freed. */
static void versions(void **state)
{
	struct buf told = {0};
	struct owners *c = owners_new(conflict, &told);
	struct service *a = claimant("a", "10.96.0.1", "1.1.1.1"), *b = claimant("b", "10.96.0.2", "1.1.1.1");

	(void)state;
	replace(c, NULL, a, &told);
	replace(c, NULL, b, &told);
	expect_told(&told, "1.1.1.1:80 a beats b; ");
	struct service *a2 = claimant("a", "10.96.0.1", "1.1.1.1"), *b2 = claimant("b", "10.96.0.9", "1.1.1.1");
	replace(c, a, a2, &told);
	replace(c, b, b2, &told);
	service_free(a);
	service_free(b);
	expect_told(&told, "");
	assert_string_equal(owner(c, "1.1.1.1", 80), "a");
	assert_string_equal(owner(c, "10.96.0.9", 80), "b");
	assert_string_equal(owner(c, "10.96.0.2", 80), "none");
	/* The winner gives the address up. */
	struct service *a3 = claimant("a", "10.96.0.1", NULL);
	replace(c, a2, a3, &told);
	service_free(a2);
	expect_told(&told, "1.1.1.1:80 a to b; ");
	assert_string_equal(owner(c, "1.1.1.1", 80), "b");
	owners_free(c);
	service_free(a3);
	service_free(b2);
	buf_fini(&told);
}

static void cluster_ips_are_claimed_too(void **state)
{
	struct buf told = {0};
	struct owners *c = owners_new(conflict, &told);
	struct service *a = claimant("a", "10.96.0.1", NULL), *b = claimant("b", "10.96.0.1", NULL);

	(void)state;
	replace(c, NULL, b, &told);
	assert_string_equal(owner(c, "10.96.0.1", 0), "b");
	replace(c, NULL, a, &told);
	assert_string_equal(owner(c, "10.96.0.1", 0), "a");
	/* Port and address are contested: one word. */
	expect_told(&told, "10.96.0.1:80 b to a; 10.96.0.1:0 b to a; 10.96.0.1:80 a beats b; ");
	replace(c, a, NULL, &told);
	expect_told(&told, "10.96.0.1:80 a to b; 10.96.0.1:0 a to b; ");
	assert_string_equal(owner(c, "10.96.0.1", 0), "b");
	owners_free(c);
	service_free(a);
	service_free(b);
	buf_fini(&told);
}

/* All in one write: a Service gets another name, and two swap their addresses. No conflict is left when it is over. */
static void who_gives_way_in_the_same_turn_is_no_contest(void **state)
{
	struct buf told = {0};
	struct owners *c = owners_new(conflict, &told);
	struct service *old = claimant("old", "10.96.0.1", NULL), *new = claimant("new", "10.96.0.1", NULL);
	struct service *b = claimant("b", "10.96.0.2", NULL), *b2 = claimant("b", "10.96.0.1", NULL);
	struct service *new2 = claimant("new", "10.96.0.2", NULL), *b3 = claimant("b", "10.96.0.2", NULL);

	(void)state;
	replace(c, NULL, old, &told);
	replace(c, NULL, b, &told);
	owners_replace(c, NULL, new, NULL, NULL);
	owners_replace(c, old, NULL, NULL, NULL);
	owners_report_conflicts(c);
	owners_replace(c, b, b2, NULL, NULL);
	owners_replace(c, new, new2, NULL, NULL);
	owners_report_conflicts(c);
	expect_told(&told, "");
	/* Its version of a refused turn is not its last one. */
	owners_replace(c, b2, b, NULL, NULL);
	owners_replace(c, b, b3, NULL, NULL);
	owners_report_conflicts(c);
	expect_told(&told, "10.96.0.2:80 b beats new; ");
	owners_report_conflicts(c);
	expect_told(&told, "");
	owners_free(c);
	service_free(old);
	service_free(new);
	service_free(new2);
	service_free(b);
	service_free(b2);
	service_free(b3);
	buf_fini(&told);
}

/* What is allocated beats what is written, whatever the names say. */
static void allocated_addresses_win(void **state)
{
	static const enum frontend_kind kinds[] = {FRONTEND_EXTERNAL_IP, FRONTEND_LOAD_BALANCER, FRONTEND_NODE_PORT,
						   FRONTEND_CLUSTER_IP};
	static const char *const names[] = {"a", "b", "c", "d"};
	struct owners *o = owners_new(NULL, NULL);
	struct service *s[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		s[i] = claimant_of(kinds[i], names[i]);
		owners_replace(o, NULL, s[i], NULL, NULL);
		assert_string_equal(owner(o, "192.168.0.2", 30080), names[i]);
	}
	for (int i = 3; i > 0; i--) {
		owners_replace(o, s[i], NULL, NULL, NULL);
		assert_string_equal(owner(o, "192.168.0.2", 30080), names[i - 1]);
		owners_replace(o, NULL, s[i], NULL, NULL);
		assert_string_equal(owner(o, "192.168.0.2", 30080), names[i]);
		owners_replace(o, s[i], NULL, NULL, NULL);
	}
	owners_free(o);
	for (int i = 0; i < 4; i++)
		service_free(s[i]);
}

static void the_older_service_wins(void **state)
{
	struct buf told = {0};
	struct owners *o = owners_new(conflict, &told);
	struct service *a = aged("a", 300), *b = aged("b", 200), *c = aged("c", 0), *a2 = aged("a", 100);

	(void)state;
	replace(o, NULL, c, &told); /* of unknown age: the youngest */
	replace(o, NULL, a, &told);
	expect_told(&told, "1.1.1.1:80 c to a; 1.1.1.1:80 a beats c; ");
	replace(o, NULL, b, &told);
	expect_told(&told, "1.1.1.1:80 a to b; 1.1.1.1:80 b beats a; ");
	/* The same name at another age: deleted and made again in one turn. */
	replace(o, a, a2, &told);
	expect_told(&told, "1.1.1.1:80 b to a; ");
	replace(o, a2, a, &told);
	expect_told(&told, "1.1.1.1:80 a to b; ");
	assert_string_equal(owner(o, "1.1.1.1", 80), "b");
	replace(o, b, NULL, &told);
	replace(o, a, NULL, &told);
	expect_told(&told, "1.1.1.1:80 b to a; 1.1.1.1:80 a to c; ");
	owners_free(o);
	service_free(a);
	service_free(b);
	service_free(c);
	service_free(a2);
	buf_fini(&told);
}

/* The winner of an address claims it in a lesser way from now on, at the same key. */
static void a_lesser_claim_gives_way(void **state)
{
	struct buf told = {0};
	struct owners *o = owners_new(conflict, &told);
	struct service *z = claimant_of(FRONTEND_CLUSTER_IP, "z"), *z2 = claimant_of(FRONTEND_EXTERNAL_IP, "z");
	struct service *m = claimant_of(FRONTEND_LOAD_BALANCER, "m");

	(void)state;
	replace(o, NULL, z, &told);
	replace(o, NULL, m, &told);
	expect_told(&told, "192.168.0.2:30080 z beats m; ");
	replace(o, z, z2, &told);
	expect_told(&told, "192.168.0.2:30080 z to m; ");
	replace(o, z2, z, &told);
	expect_told(&told, "192.168.0.2:30080 m to z; ");
	owners_free(o);
	service_free(z);
	service_free(z2);
	service_free(m);
	buf_fini(&told);
}

/* 1 000 ports at 3 addresses each, half of the way each service is the owner: one line for each pair and way. */
static void many_keys_are_one_report(void **state)
{
	struct buf told = {0};
	struct owners *o = owners_new(conflict, &told);
	struct service *s[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct arena *a = arena_new(4096);
		struct service_object *object = make_service(a, i == 0 ? "x" : "y", i == 0 ? "10.96.0.1" : "10.96.0.2");
		for (uint16_t port = 1; port <= 1000; port++)
			add_port(a, object, arena_printf(a, "p%u", port), IPPROTO_TCP, port, 0);
		add_external_ip(a, object, "1.1.1.1");
		add_external_ip(a, object, "1.1.1.2");
		add_external_ip(a, object, i == 0 ? "10.96.0.2" : "10.96.0.1"); /* the other's ClusterIP */
		s[i] = compiled(a, object);
		owners_replace(o, NULL, s[i], NULL, NULL);
	}
	owners_report_conflicts(o);
	expect_told(&told, "1.1.1.1:1 and 2999 more x beats y; 10.96.0.2:1 and 999 more y beats x; ");
	owners_report_conflicts(o);
	expect_told(&told, "");
	owners_free(o);
	service_free(s[0]);
	service_free(s[1]);
	buf_fini(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_by_name_wins),
		cmocka_unit_test(versions),
		cmocka_unit_test(cluster_ips_are_claimed_too),
		cmocka_unit_test(who_gives_way_in_the_same_turn_is_no_contest),
		cmocka_unit_test(allocated_addresses_win),
		cmocka_unit_test(the_older_service_wins),
		cmocka_unit_test(a_lesser_claim_gives_way),
		cmocka_unit_test(many_keys_are_one_report),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
