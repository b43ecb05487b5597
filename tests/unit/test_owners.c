#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "objects.h"
#include "proxy/owners.h"

/* A service with one frontend per address, port 80. */
static struct service *claimant(const char *name, const char *cluster_ip, const char *external)
{
	struct arena *a = arena_new(4096), *scratch = arena_new(4096);
	struct node_view node = {.name = "here"};
	struct service_object *o = make_service(a, name, cluster_ip);
	struct compile_input in = {.object = o, .node = &node};

	add_port(a, o, "", IPPROTO_TCP, 80, 0);
	if (external != NULL)
		add_external_ip(a, o, external);
	struct service *s = service_compile(&in, scratch);
	arena_free(a);
	arena_free(scratch);
	return s;
}

struct told {
	struct buf text;
};

static void key_text(struct buf *b, const struct frontend_key *key)
{
	char text[ADDR_TEXT_BYTES];

	buf_printf(b, "%s:%u ", addr_format(&key->addr, text), (unsigned)key->port);
}

static void contested(void *ctx, const struct frontend_key *key, const struct service *winner,
		      const struct service *loser)
{
	struct buf *b = ctx;

	key_text(b, key);
	buf_printf(b, "%s beats %s; ", winner->name, loser->name);
}

static void moved(void *ctx, const struct frontend_key *key, const struct service *from, const struct service *to)
{
	struct buf *b = ctx;

	key_text(b, key);
	buf_printf(b, "%s to %s; ", from->name, to->name);
}

static const char *owner(const struct claims *c, const char *addr, uint16_t port)
{
	struct frontend_key key = {.addr = ip(addr), .proto = port != 0 ? IPPROTO_TCP : 0, .port = port};
	const struct service *s = claims_owner(c, &key);

	return s != NULL ? s->name : "nobody";
}

static void expect_told(struct buf *b, const char *wanted)
{
	assert_string_equal(b->data != NULL ? b->data : "", wanted);
	buf_clear(b);
}

/* A turn of one change. */
static void replace(struct claims *c, const struct service *prev, const struct service *next, struct buf *told)
{
	claims_replace(c, prev, next, moved, told);
	claims_tell(c);
}

static void first_by_name_wins(void **state)
{
	struct buf told = {0};
	struct claims *c = claims_new(contested, &told);
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
	assert_string_equal(owner(c, "10.96.0.3", 80), "nobody");
	replace(c, b, NULL, &told);
	expect_told(&told, "");
	assert_string_equal(owner(c, "1.1.1.1", 80), "nobody");
	service_free(a);
	service_free(b);
	service_free(z);
	claims_free(c);
	buf_fini(&told);
}

/* A new version of winner and loser: nothing moves, and the old versions may be freed. */
static void versions(void **state)
{
	struct buf told = {0};
	struct claims *c = claims_new(contested, &told);
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
	assert_string_equal(owner(c, "10.96.0.2", 80), "nobody");
	/* The winner gives the address up. */
	struct service *a3 = claimant("a", "10.96.0.1", NULL);
	replace(c, a2, a3, &told);
	service_free(a2);
	expect_told(&told, "1.1.1.1:80 a to b; ");
	assert_string_equal(owner(c, "1.1.1.1", 80), "b");
	claims_free(c);
	service_free(a3);
	service_free(b2);
	buf_fini(&told);
}

static void cluster_ips_are_claimed_too(void **state)
{
	struct buf told = {0};
	struct claims *c = claims_new(contested, &told);
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
	claims_free(c);
	service_free(a);
	service_free(b);
	buf_fini(&told);
}

/* All in one write: a Service gets another name, and two swap their addresses. Nobody contests when it is over. */
static void who_gives_way_in_the_same_turn_is_no_contest(void **state)
{
	struct buf told = {0};
	struct claims *c = claims_new(contested, &told);
	struct service *old = claimant("old", "10.96.0.1", NULL), *new = claimant("new", "10.96.0.1", NULL);
	struct service *b = claimant("b", "10.96.0.2", NULL), *b2 = claimant("b", "10.96.0.1", NULL);
	struct service *new2 = claimant("new", "10.96.0.2", NULL), *b3 = claimant("b", "10.96.0.2", NULL);

	(void)state;
	replace(c, NULL, old, &told);
	replace(c, NULL, b, &told);
	claims_replace(c, NULL, new, NULL, NULL);
	claims_replace(c, old, NULL, NULL, NULL);
	claims_tell(c);
	claims_replace(c, b, b2, NULL, NULL);
	claims_replace(c, new, new2, NULL, NULL);
	claims_tell(c);
	expect_told(&told, "");
	/* Its version of a refused turn is not its last one. */
	claims_replace(c, b2, b, NULL, NULL);
	claims_replace(c, b, b3, NULL, NULL);
	claims_tell(c);
	expect_told(&told, "10.96.0.2:80 b beats new; ");
	claims_tell(c);
	expect_told(&told, "");
	claims_free(c);
	service_free(old);
	service_free(new);
	service_free(new2);
	service_free(b);
	service_free(b2);
	service_free(b3);
	buf_fini(&told);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_by_name_wins),
		cmocka_unit_test(versions),
		cmocka_unit_test(cluster_ips_are_claimed_too),
		cmocka_unit_test(who_gives_way_in_the_same_turn_is_no_contest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
