/* Whether a Service fits below the memory target. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "proxy/memory_target.h"

#define MB (UINT64_C(1) << 20)

struct scene {
	struct memory_target target;
	uint64_t used_bytes, now_ms;
	bool answers;
};

static bool used(void *ctx, uint64_t *bytes)
{
	const struct scene *s = ctx;

	*bytes = s->used_bytes;
	return s->answers;
}

static int setup(void **state)
{
	static struct scene s;

	log_set_level(LOG_WARN);
	s = (struct scene){.used_bytes = 50 * MB, .now_ms = 1000, .answers = true};
	s.target = (struct memory_target){.target_bytes = 100 * MB, .limit_bytes = 110 * MB, .used = used, .ctx = &s};
	*state = &s;
	return 0;
}

/* In a turn of its own. */
static bool change(struct scene *s, uint64_t before, uint64_t after)
{
	uint64_t left_bytes;

	s->now_ms += 1000;
	memory_target_turn(&s->target);
	if (!memory_target_admit(&s->target, before, after, s->now_ms, &left_bytes))
		return false;
	memory_target_grown(&s->target, before, after);
	return true;
}

static void what_is_used_counts(void **state)
{
	struct scene *s = *state;

	assert_true(change(s, 0, 50000)); /* 32 MB */
	assert_true(change(s, 0, 50000)); /* as used() says, nothing of the first is left */
	s->used_bytes = 90 * MB;
	assert_false(change(s, 0, 50000));
}

/* Comparing two versions takes memory for a turn. A hundred such turns take no more. */
static void changes_do_not_add_up_when_it_cannot_be_read(void **state)
{
	struct scene *s = *state;

	assert_true(change(s, 0, 20000));
	s->answers = false;
	for (unsigned i = 0; i < 100; i++)
		assert_true(change(s, 20000, 20000)); /* 6 MB */
	assert_true(change(s, 0, 20000));
}

static void what_grows_counts_when_it_cannot_be_read(void **state)
{
	struct scene *s = *state;
	unsigned count = 0;

	assert_true(change(s, 0, 1000));
	s->answers = false;
	while (count < 100 && change(s, 0, 20000))
		count++;
	assert_in_range(count, 5, 9); /* 5.5 MB each stay, and the last one needs 12.2 MB */
	s->answers = true;
	assert_true(change(s, 0, 20000));
}

static void what_goes_counts_when_it_cannot_be_read(void **state)
{
	struct scene *s = *state;

	s->used_bytes = 99 * MB;
	assert_false(change(s, 0, 20000));
	s->answers = false;
	assert_false(change(s, 0, 20000));
	memory_target_grown(&s->target, 100000, 0); /* 27 MB */
	assert_true(change(s, 0, 20000));
	assert_true(change(s, 0, 20000));
	assert_true(change(s, 0, 20000));
	assert_false(change(s, 0, 20000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_used_counts, setup),
		cmocka_unit_test_setup(changes_do_not_add_up_when_it_cannot_be_read, setup),
		cmocka_unit_test_setup(what_grows_counts_when_it_cannot_be_read, setup),
		cmocka_unit_test_setup(what_goes_counts_when_it_cannot_be_read, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
