/* Log lines to a terminal or file have a time; those to the journal a priority (sd-daemon(3)). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

static int ends[2], standard_error;

static int open_pipe(void **state)
{
	(void)state;
	standard_error = dup(STDERR_FILENO);
	return pipe(ends) == 0 && dup2(ends[1], STDERR_FILENO) >= 0 ? 0 : -1;
}

static int close_pipe(void **state)
{
	(void)state;
	dup2(standard_error, STDERR_FILENO);
	close(standard_error);
	close(ends[0]);
	close(ends[1]);
	unsetenv("JOURNAL_STREAM");
	log_open();
	log_set_level(LOG_INFO);
	return 0;
}

static void set_journal_stream(ino_t more)
{
	struct stat status;
	char text[64];

	fstat(ends[1], &status);
	snprintf(text, sizeof text, "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)(status.st_ino + more));
	setenv("JOURNAL_STREAM", text, 1);
	log_open();
}

static const char *line(void)
{
	static char text[256];
	ssize_t got = read(ends[0], text, sizeof text - 1);

	assert_true(got > 0);
	text[got] = '\0';
	return text;
}

static void test_the_journal_gets_priorities(void **state)
{
	(void)state;
	set_journal_stream(0);
	log_set_level(LOG_DEBUG);
	log_warn("no\nforged line");
	assert_string_equal(line(), "<4>warning: no\\nforged line\n");
	log_notice("n");
	assert_string_equal(line(), "<5>notice: n\n");
	log_info("i");
	assert_string_equal(line(), "<6>info: i\n");
	log_verbose("v");
	assert_string_equal(line(), "<7>verbose: v\n");
	log_debug("d");
	assert_string_equal(line(), "<7>debug: d\n");
}

/* A program below a unit whose standard error goes elsewhere. */
static void test_another_stream_gets_times(void **state)
{
	(void)state;
	set_journal_stream(1);
	log_warn("w");
	assert_string_equal(line() + strlen("2026-11-30T15:40:48.123Z"), " warning: w\n");
	setenv("JOURNAL_STREAM", "none", 1);
	log_open();
	log_info("i");
	assert_string_equal(line() + strlen("2026-11-30T15:40:48.123Z"), " info: i\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_the_journal_gets_priorities, open_pipe, close_pipe),
		cmocka_unit_test_setup_teardown(test_another_stream_gets_times, open_pipe, close_pipe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
