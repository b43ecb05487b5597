/* UDP flows that were recorded in the reply direction. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "objects.h"
#include "proxy/reversed_flows.h"

static struct conntrack_entry flow(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct conntrack_entry){
		.orig_src = ip(src),
		.orig_src_port = sport,
		.orig_dst = ip(dst),
		.orig_port = dport,
		.reply_src = ip(dst),
		.reply_port = dport,
		.proto = IPPROTO_UDP,
	};
}

static void note(struct reversed_flows *t, const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct conntrack_entry f = flow(src, sport, dst, dport);

	reversed_flows_note(t, &f);
}

static bool has(const struct reversed_flows *t, const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct conntrack_entry f = flow(src, sport, dst, dport);

	return reversed_flows_has(t, &f);
}

static void only_the_mirror_of_a_noted_flow(void **state)
{
	struct reversed_flows t = {0};

	(void)state;
	assert_false(has(&t, "203.0.113.9", 80, "10.244.0.99", 40000));
	note(&t, "10.244.0.99", 40000, "203.0.113.9", 80);
	note(&t, "10.244.0.99", 40000, "203.0.113.9", 80);
	note(&t, "fd00:244::99", 40000, "fd00:51::9", 80);
	assert_true(has(&t, "203.0.113.9", 80, "10.244.0.99", 40000));
	assert_true(has(&t, "fd00:51::9", 80, "fd00:244::99", 40000));
	assert_false(has(&t, "10.244.0.99", 40000, "203.0.113.9", 80)); /* itself */
	assert_false(has(&t, "203.0.113.9", 80, "10.244.0.99", 40001));
	assert_false(has(&t, "203.0.113.9", 81, "10.244.0.99", 40000));
	assert_false(has(&t, "203.0.113.9", 80, "10.244.0.98", 40000));
	assert_false(has(&t, "203.0.113.8", 80, "10.244.0.99", 40000));
	reversed_flows_fini(&t);
	assert_false(has(&t, "203.0.113.9", 80, "10.244.0.99", 40000));
}

static void looks_ever_rarer_and_then_forgets(void **state)
{
	struct reversed_flows t = {0};
	uint64_t now_ms = 1000;

	(void)state;
	reversed_flows_looked(&t, now_ms);
	assert_int_equal(t.next_ms, 0);
	note(&t, "10.244.0.99", 40000, "203.0.113.9", 80);
	assert_false(reversed_flows_due(&t, now_ms)); /* the look that found it is not over */
	reversed_flows_looked(&t, now_ms);
	for (uint64_t gap_ms = REVERSED_FIRST_MS; gap_ms <= REVERSED_LAST_MS; gap_ms *= 2, now_ms = t.next_ms) {
		if (now_ms != 1000)
			reversed_flows_looked(&t, now_ms);
		assert_int_equal(t.next_ms, now_ms + gap_ms);
		reversed_flows_looked(&t, t.next_ms - 1); /* one for another reason does not count */
		assert_int_equal(t.next_ms, now_ms + gap_ms);
		assert_false(reversed_flows_due(&t, t.next_ms - 1));
		assert_true(reversed_flows_due(&t, t.next_ms));
		assert_true(has(&t, "203.0.113.9", 80, "10.244.0.99", 40000));
	}
	reversed_flows_looked(&t, now_ms);
	assert_int_equal(t.next_ms, 0);
	assert_false(reversed_flows_due(&t, UINT64_MAX));
	assert_false(has(&t, "203.0.113.9", 80, "10.244.0.99", 40000));
}

static void a_new_one_starts_the_looks_anew(void **state)
{
	struct reversed_flows t = {0};

	(void)state;
	note(&t, "10.244.0.99", 40000, "203.0.113.9", 80);
	reversed_flows_looked(&t, 1000);
	reversed_flows_looked(&t, 1000 + REVERSED_FIRST_MS);
	note(&t, "10.244.0.98", 40000, "203.0.113.9", 80);
	reversed_flows_looked(&t, 1300);
	assert_int_equal(t.next_ms, 1300 + REVERSED_FIRST_MS);
	reversed_flows_fini(&t);
}

static void not_without_limit(void **state)
{
	struct reversed_flows t = {0};
	struct conntrack_entry f = flow("10.244.0.99", 1, "203.0.113.9", 80);

	(void)state;
	for (uint32_t i = 0; i <= REVERSED_FLOWS_MAX; i++) {
		f.orig_src_port = (uint16_t)i;
		f.orig_port = (uint16_t)(80 + (i >> 16));
		reversed_flows_note(&t, &f);
	}
	assert_true(has(&t, "203.0.113.9", 80, "10.244.0.99", UINT16_MAX));
	assert_false(has(&t, "203.0.113.9", 81, "10.244.0.99", 0));
	reversed_flows_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_mirror_of_a_noted_flow),
		cmocka_unit_test(looks_ever_rarer_and_then_forgets),
		cmocka_unit_test(a_new_one_starts_the_looks_anew),
		cmocka_unit_test(not_without_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
