/* The cache of forwarded answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/forward/cache.h"
#include "dns/zone/rcu.h"
#include "tests/unit/upstream_reply.h"

#define SOA "example. 900 IN SOA ns.example. h.example. 1 2 3 4 900"

static struct message m;
static struct cache *cache;

static void start(size_t limit_bytes)
{
	cache = cache_new(
		&(struct cache_config){.limit_bytes = limit_bytes, .max_ttl_s = 3600, .max_negative_ttl_s = 1800});
	rcu_writer_begin();
}

static void end(void)
{
	cache_free(cache);
	rcu_writer_end();
	rcu_writer_settle();
}

static struct cache_key key_of(const char *name, unsigned type, bool dnssec_ok)
{
	struct cache_key key;
	struct name n;

	assert_true(name_parse(&n, name));
	cache_key_make(&key, &n, type, dnssec_ok, false);
	return key;
}

static void put(const struct reply_text *t, uint32_t now_s)
{
	static uint8_t wire[65536];
	struct question q = question_make(t->name, t->type);
	struct cache_key key = key_of(t->name, t->type, false);

	assert_int_equal(message_read(&m, wire, reply_build(wire, t), &q, true), MESSAGE_OK);
	cache_put(cache, &key, &m, now_s);
}

static void put_a(const char *name, unsigned ttl_s, uint32_t now_s)
{
	char answer[300];

	snprintf(answer, sizeof answer, "%s. %u IN A 192.0.2.1", name, ttl_s);
	put(&(struct reply_text){.name = name, .type = LDNS_RR_TYPE_A, .answer = answer}, now_s);
}

/* Seconds that the answer has left; 0: none. */
static unsigned left_s(const char *name, uint32_t now_s)
{
	struct cache_key key = key_of(name, TYPE_A, false);
	struct cache_hit hit;

	return cache_find(cache, &key, now_s, &hit) ? hit.ttl_s : 0;
}

static bool is_stale(const char *name, uint32_t now_s)
{
	struct cache_key key = key_of(name, TYPE_A, false);
	struct cache_hit hit;

	return cache_find_stale(cache, &key, now_s, &hit) && hit.ttl_s == 0;
}

static void counts_down_and_expires(void **state)
{
	struct cache_key key = key_of("a.example", TYPE_A, false);
	struct question asked = question_make("A.example", TYPE_A);
	struct cache_hit hit;

	(void)state;
	start(1 << 20);
	put_a("a.example", 60, 1000);
	assert_true(cache_find(cache, &key, 1010, &hit));
	assert_string_equal(records_line(&asked, hit.records, hit.age_s, hit.ttl_s, 512),
			    "NOERROR: A.example. 50 IN A 192.0.2.1 /  / ");
	assert_int_equal(left_s("a.example", 1059), 1);
	assert_int_equal(left_s("a.example", 1060), 0);
	assert_true(is_stale("a.example", 1060));
	assert_true(is_stale("a.example", 1059 + CACHE_STALE_S));
	assert_false(is_stale("a.example", 1060 + CACHE_STALE_S));
	put_a("a.example", 60, 1100);
	assert_int_equal(left_s("a.example", 1100), 60);
	end();
}

static void flags_keep_apart(void **state)
{
	struct cache_key other = key_of("a.example", TYPE_A, true);
	struct cache_hit hit;

	(void)state;
	start(1 << 20);
	put_a("a.example", 60, 0);
	assert_false(cache_find(cache, &other, 1, &hit));
	other = key_of("a.example", TYPE_AAAA, false);
	assert_false(cache_find(cache, &other, 1, &hit));
	end();
}

static void caps(void **state)
{
	(void)state;
	start(1 << 20);
	put_a("a.example", 100000, 0);
	assert_int_equal(left_s("a.example", 0), 3600);
	put(&(struct reply_text){.name = "b.example",
				 .type = LDNS_RR_TYPE_A,
				 .rcode = LDNS_RCODE_NXDOMAIN,
				 .authority = "example. 90000 IN SOA ns.example. h.example. 1 2 3 4 90000"},
	    0);
	assert_int_equal(left_s("b.example", 0), 1800);
	put_a("c.example", 0, 0);
	assert_int_equal(left_s("c.example", 0), 0);
	end();
}

static void negative_only_with_soa(void **state)
{
	(void)state;
	start(1 << 20);
	put(&(struct reply_text){.name = "a.example", .type = LDNS_RR_TYPE_A, .authority = SOA}, 0);
	assert_int_equal(left_s("a.example", 0), 900);
	put(&(struct reply_text){.name = "b.example", .type = LDNS_RR_TYPE_A, .rcode = LDNS_RCODE_NXDOMAIN}, 0);
	assert_int_equal(left_s("b.example", 0), 0);
	put(&(struct reply_text){.name = "c.example", .type = LDNS_RR_TYPE_A, .rcode = LDNS_RCODE_REFUSED}, 0);
	assert_int_equal(left_s("c.example", 0), 0);
	end();
}

static void servfail_is_short_and_never_hides_stale(void **state)
{
	(void)state;
	start(1 << 20);
	put(&(struct reply_text){.name = "a.example", .type = LDNS_RR_TYPE_A, .rcode = LDNS_RCODE_SERVFAIL}, 0);
	assert_int_equal(left_s("a.example", 0), CACHE_SERVFAIL_S);
	assert_false(is_stale("a.example", 9));
	put_a("b.example", 10, 0);
	put(&(struct reply_text){.name = "b.example", .type = LDNS_RR_TYPE_A, .rcode = LDNS_RCODE_SERVFAIL}, 20);
	assert_int_equal(left_s("b.example", 21), 0);
	assert_true(is_stale("b.example", 21));
	end();
}

/* Twice what fits: the limit holds, and names that are asked for outlive those that are not. */
static void bounded_and_second_chance(void **state)
{
	char name[64];
	unsigned popular = 0;

	(void)state;
	start(256 * 1024);
	for (unsigned i = 0; i < 4000; i++) {
		snprintf(name, sizeof name, "n%u.example", i);
		put_a(name, 600, 0);
		for (unsigned j = 0; j < 50 && j <= i; j++) {
			snprintf(name, sizeof name, "n%u.example", j);
			popular += i == 3999 && left_s(name, 1) > 0;
			left_s(name, 1);
		}
	}
	assert_int_equal(popular, 50);
	assert_int_equal(left_s("n60.example", 1), 0);
	assert_true(cache_counts(cache)->bytes <= 256 * 1024);
	assert_true(cache_counts(cache)->evictions[0] > 1000);
	assert_int_equal(cache_counts(cache)->entries[0] + cache_counts(cache)->evictions[0], 4000);
	end();
}

static void one_reader_refreshes(void **state)
{
	struct cache_key key = key_of("a.example", TYPE_A, false);
	struct cache_hit hit;
	unsigned refreshes = 0;

	(void)state;
	start(1 << 20);
	put_a("a.example", 100, 0);
	for (uint32_t now_s = 0; now_s < 100; now_s++) {
		assert_true(cache_find(cache, &key, now_s, &hit));
		assert_false(hit.refresh && now_s < 89);
		refreshes += hit.refresh;
	}
	assert_int_equal(refreshes, 1);
	end();
}

static void flush(void **state)
{
	struct name name;

	(void)state;
	start(1 << 20);
	put_a("a.example", 100, 0);
	put_a("b.example", 100, 0);
	put_a("c.example", 100, 0);
	assert_true(name_parse(&name, "B.example"));
	assert_int_equal(cache_flush(cache, &name), 1);
	assert_int_equal(left_s("b.example", 1), 0);
	assert_int_equal(left_s("a.example", 1), 99);
	assert_int_equal(cache_flush(cache, NULL), 2);
	assert_int_equal(cache_counts(cache)->bytes, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_down_and_expires),
		cmocka_unit_test(flags_keep_apart),
		cmocka_unit_test(caps),
		cmocka_unit_test(negative_only_with_soa),
		cmocka_unit_test(servfail_is_short_and_never_hides_stale),
		cmocka_unit_test(bounded_and_second_chance),
		cmocka_unit_test(one_reader_refreshes),
		cmocka_unit_test(flush),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
