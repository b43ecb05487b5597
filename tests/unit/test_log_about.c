/* A namespace has so many lines at once, and so many a minute; others have theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log_about.h"
#include "proxy/conflicts.h"

#define START_MS 50000u

static unsigned taken(struct log_share *share, uint64_t now_ms, unsigned tries)
{
	unsigned count = 0;

	for (unsigned i = 0; i < tries; i++)
		count += log_share_take(share, now_ms);
	return count;
}

static void test_a_burst_and_then_few(void **state)
{
	struct log_share share = {0};

	(void)state;
	assert_int_equal(taken(&share, START_MS, 1000), LOG_ABOUT_BURST);
	assert_int_equal(share.left_out, 1000 - LOG_ABOUT_BURST);
	assert_int_equal(taken(&share, START_MS + LOG_ABOUT_EVERY_MS - 1, 1), 0);
	assert_int_equal(taken(&share, START_MS + LOG_ABOUT_EVERY_MS, 2), 1);
	assert_int_equal(taken(&share, START_MS + 11 * LOG_ABOUT_EVERY_MS, 100), 10);
}

static void test_full_again_after_silence(void **state)
{
	struct log_share share = {0};

	(void)state;
	taken(&share, START_MS, 1000);
	assert_int_equal(taken(&share, START_MS + 2 * LOG_ABOUT_BURST * LOG_ABOUT_EVERY_MS, 1000), LOG_ABOUT_BURST);
}

static unsigned lines(enum log_level level, const char *ns, unsigned tries)
{
	unsigned count = 0;

	for (unsigned i = 0; i < tries; i++)
		count += log_about(level, ns);
	return count;
}

static void test_each_namespace_has_its_own(void **state)
{
	(void)state;
	assert_in_range(lines(LOG_WARN, "hostile", 1000), LOG_ABOUT_BURST, LOG_ABOUT_BURST + 10);
	assert_int_equal(lines(LOG_WARN, "default", 10), 10);
	assert_int_equal(lines(LOG_WARN, "", 1000), 1000);
	assert_int_equal(lines(LOG_WARN, NULL, 1000), 1000);
}

static void test_what_is_not_written_does_not_count(void **state)
{
	(void)state;
	log_set_level(LOG_INFO);
	assert_int_equal(lines(LOG_DEBUG, "quiet", 1000), 0);
	assert_int_equal(lines(LOG_INFO, "quiet", 10), 10);
}

/* A Service that is deleted and made again contests the same address each time. */
static void test_conflicts(void **state)
{
	const struct service owner = {.ns = "default", .name = "web"}, loser = {.ns = "aaa", .name = "hostile"};
	const struct conflict conflict = {&owner, &loser, {{AF_INET, {192, 0, 2, 1}}, IPPROTO_TCP, 80}, 0};
	const int standard_error = dup(STDERR_FILENO);
	FILE *log = tmpfile();
	unsigned count = 0;

	(void)state;
	assert_non_null(log);
	assert_return_code(dup2(fileno(log), STDERR_FILENO), errno);
	for (unsigned i = 0; i < 1000; i++)
		conflict_log(NULL, &conflict);
	dup2(standard_error, STDERR_FILENO);
	close(standard_error);
	rewind(log);
	for (int c; (c = fgetc(log)) != EOF;)
		count += c == '\n';
	fclose(log);
	assert_in_range(count, LOG_ABOUT_BURST + 1, LOG_ABOUT_BURST + 20); /* and one that says so */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_and_then_few),
		cmocka_unit_test(test_full_again_after_silence),
		cmocka_unit_test(test_each_namespace_has_its_own),
		cmocka_unit_test(test_what_is_not_written_does_not_count),
		cmocka_unit_test(test_conflicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
