/* Thresholds, delays, periods and the startup probe, by a clock of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch/lab/probe_state.h"

#define T0 1000000u

static struct probe_object probe(uint32_t delay_ms, uint32_t period_ms, uint32_t successes, uint32_t failures)
{
	return (struct probe_object){.action = PROBE_TCP,
				     .initial_delay_ms = delay_ms,
				     .period_ms = period_ms,
				     .timeout_ms = 1000,
				     .success_threshold = successes,
				     .failure_threshold = failures};
}

struct run {
	struct probe_set set;
	struct probe_set_state state;
	uint64_t now_ms;
};

static void begin(struct run *r, bool at_start)
{
	r->now_ms = T0;
	probe_set_begin(&r->state, &r->set, T0, at_start);
}

/* The next probe of the role is made when it is due, or now, and takes no time. */
static bool result(struct run *r, enum probe_role role, bool success)
{
	assert_true(r->state.of[role].due_ms != PROBE_NEVER);
	if (r->state.of[role].due_ms > r->now_ms)
		r->now_ms = r->state.of[role].due_ms;
	return probe_set_result(&r->state, &r->set, role, success, r->now_ms, r->now_ms, 0);
}

/* "+-" results; returns what probe_set_ready says after each. */
static void results_are(struct run *r, const char *results, const char *ready)
{
	for (size_t i = 0; results[i] != '\0'; i++) {
		result(r, PROBE_READINESS, results[i] == '+');
		assert_int_equal(probe_set_ready(&r->state, &r->set), ready[i] == 'y');
	}
}

static void thresholds(void **state)
{
	struct run r = {.set.of[PROBE_READINESS] = probe(0, 1000, 1, 3)};

	(void)state;
	begin(&r, false);
	assert_false(probe_set_ready(&r.state, &r.set) || probe_set_known(&r.state, &r.set));
	results_are(&r, "-+--+---+", "nyyyyyyny");
	r.set.of[PROBE_READINESS] = probe(0, 1000, 2, 1);
	begin(&r, false);
	results_are(&r, "+-++-+++", "nnnynnyy");
}

/* One that was in use when the daemon started is not taken out by thresholds, nor by the delay. */
static void at_the_daemons_start(void **state)
{
	struct run r = {.set.of[PROBE_READINESS] = probe(30000, 1000, 3, 3)};

	(void)state;
	begin(&r, true);
	assert_int_equal(r.state.of[PROBE_READINESS].due_ms, T0);
	results_are(&r, "+--+---++", "yyyyyynn");
	begin(&r, true);
	results_are(&r, "-++", "nnn");
	begin(&r, false);
	assert_int_equal(r.state.of[PROBE_READINESS].due_ms, T0 + 30000);
}

static void periods(void **state)
{
	struct run r = {.set.of[PROBE_READINESS] = probe(0, 10000, 1, 3)};
	const struct probe_state *p = &r.state.of[PROBE_READINESS];

	(void)state;
	begin(&r, false);
	assert_int_equal(p->due_ms, T0);
	/* the second one comes somewhere within the period, the others a period after the last began */
	probe_set_result(&r.state, &r.set, PROBE_READINESS, true, T0, T0 + 5, 1234567);
	assert_int_equal(p->due_ms, T0 + 1 + 1234567 % 10000);
	probe_set_result(&r.state, &r.set, PROBE_READINESS, true, T0 + 6000, T0 + 6900, 77);
	assert_int_equal(p->due_ms, T0 + 16000);
	/* one that took longer than the period is followed at once */
	probe_set_result(&r.state, &r.set, PROBE_READINESS, true, T0 + 16000, T0 + 30000, 77);
	assert_int_equal(p->due_ms, T0 + 30000);
}

/* What could not be made says nothing. */
static void no_result(void **state)
{
	struct run r = {.set.of[PROBE_READINESS] = probe(0, 1000, 1, 2)};
	const struct probe_state *p = &r.state.of[PROBE_READINESS];

	(void)state;
	begin(&r, false);
	probe_set_no_result(&r.state, &r.set, PROBE_READINESS, T0, T0 + 5, 99);
	assert_int_equal(p->due_ms, T0 + 100);
	assert_false(probe_set_known(&r.state, &r.set) || probe_set_ready(&r.state, &r.set));
	results_are(&r, "+-", "yy");
	probe_set_no_result(&r.state, &r.set, PROBE_READINESS, r.now_ms, r.now_ms + 5, 99);
	assert_int_equal(p->due_ms, r.now_ms + 1000);
	results_are(&r, "-", "n"); /* the second in a row */
	probe_set_no_result(&r.state, &r.set, PROBE_READINESS, r.now_ms, r.now_ms + 5, 99);
	assert_false(probe_set_ready(&r.state, &r.set));
}

static void startup_gates_the_others(void **state)
{
	struct run r = {.set.of = {[PROBE_STARTUP] = probe(0, 1000, 1, 2),
				   [PROBE_READINESS] = probe(2500, 1000, 1, 1),
				   [PROBE_LIVENESS] = probe(0, 1000, 1, 1)}};

	(void)state;
	begin(&r, false);
	assert_true(r.state.of[PROBE_READINESS].due_ms == PROBE_NEVER);
	assert_true(r.state.of[PROBE_LIVENESS].due_ms == PROBE_NEVER);
	result(&r, PROBE_STARTUP, false);
	assert_true(probe_set_known(&r.state, &r.set));
	result(&r, PROBE_STARTUP, false);
	result(&r, PROBE_STARTUP, false); /* it goes on beyond failureThreshold: nothing is restarted here */
	assert_true(r.state.of[PROBE_READINESS].due_ms == PROBE_NEVER);
	result(&r, PROBE_STARTUP, true);
	assert_true(r.state.of[PROBE_STARTUP].due_ms == PROBE_NEVER);
	assert_int_equal(r.state.of[PROBE_LIVENESS].due_ms, r.now_ms);
	/* the delay counts from the beginning */
	assert_int_equal(r.state.of[PROBE_READINESS].due_ms, T0 + 2500 > r.now_ms ? T0 + 2500 : r.now_ms);
	assert_false(probe_set_ready(&r.state, &r.set));
	assert_true(result(&r, PROBE_READINESS, true));
	assert_true(probe_set_ready(&r.state, &r.set));
	/* liveness is told of, and decides nothing */
	assert_true(result(&r, PROBE_LIVENESS, false));
	assert_true(probe_set_ready(&r.state, &r.set));
}

static void startup_alone(void **state)
{
	struct run r = {.set.of[PROBE_STARTUP] = probe(0, 1000, 1, 3)};

	(void)state;
	begin(&r, false);
	assert_false(probe_set_ready(&r.state, &r.set));
	result(&r, PROBE_STARTUP, false);
	assert_true(result(&r, PROBE_STARTUP, true));
	assert_true(probe_set_ready(&r.state, &r.set));
}

/* Only liveness: it is ready from the beginning, and nothing is awaited. */
static void liveness_alone(void **state)
{
	struct run r = {.set.of[PROBE_LIVENESS] = probe(0, 1000, 1, 1)};

	(void)state;
	begin(&r, true);
	assert_true(probe_set_ready(&r.state, &r.set) && probe_set_known(&r.state, &r.set));
	assert_true(result(&r, PROBE_LIVENESS, false));
	assert_true(probe_set_ready(&r.state, &r.set));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thresholds),	 cmocka_unit_test(at_the_daemons_start),
		cmocka_unit_test(periods),	 cmocka_unit_test(startup_gates_the_others),
		cmocka_unit_test(startup_alone), cmocka_unit_test(liveness_alone),
		cmocka_unit_test(no_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
