/* The last results of a target, and their reasons: bounded, the oldest first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "watch/lab/probe_history.h"

static void the_last_ones(void **state)
{
	struct probe_reasons reasons = {0};
	struct probe_history h = {0};
	struct probe_seen seen = {0};

	(void)state;
	probe_history_get(&h, &reasons, &seen);
	assert_int_equal(seen.count, 0);
	probe_history_add(&h, &reasons, "HTTP 503");
	probe_history_add(&h, &reasons, "");
	probe_history_add(&h, &reasons, "exit code 1: at 12:00:01");
	probe_history_add(&h, &reasons, "exit code 1: at 12:00:02");
	probe_history_get(&h, &reasons, &seen);
	assert_int_equal(seen.count, 4);
	assert_string_equal(seen.results[0], "HTTP 503");
	assert_null(seen.results[1]);
	assert_string_equal(seen.results[2], "exit code 1");
	assert_ptr_equal(seen.results[2], seen.results[3]);
	assert_int_equal(reasons.count, 2);
	for (unsigned i = 0; i < PROBE_HISTORY - 1; i++)
		probe_history_add(&h, &reasons, "");
	probe_history_get(&h, &reasons, &seen);
	assert_int_equal(seen.count, PROBE_HISTORY);
	assert_string_equal(seen.results[0], "exit code 1");
	for (unsigned i = 1; i < PROBE_HISTORY; i++)
		assert_null(seen.results[i]);
}

static void reasons_are_bounded(void **state)
{
	struct probe_reasons reasons = {0};
	struct probe_history h = {0};
	struct probe_seen seen = {0};
	char text[200];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "reason %u", i);
		probe_history_add(&h, &reasons, text);
	}
	assert_int_equal(reasons.count, PROBE_REASONS_MAX);
	probe_history_add(&h, &reasons, "reason 63");
	probe_history_get(&h, &reasons, &seen);
	assert_string_equal(seen.results[PROBE_HISTORY - 2], "failed");
	assert_string_equal(seen.results[PROBE_HISTORY - 1], "reason 63");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	reasons.count = 0;
	probe_history_add(&h, &reasons, text);
	probe_history_get(&h, &reasons, &seen);
	assert_int_equal(strlen(seen.results[PROBE_HISTORY - 1]), PROBE_REASON_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_last_ones), cmocka_unit_test(reasons_are_bounded)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
