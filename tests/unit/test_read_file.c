/* Files that a running daemon reads again: regular ones only, and nothing else is opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/read_file.h"
#include "tests/tempfolder.h"

static char folder[TEMPFOLDER_BYTES];

static const char *path_of(const char *name)
{
	static char path[TEMPFOLDER_BYTES + 32];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int folder_new(void **state)
{
	(void)state;
	tempfolder_new(folder, "read-file");
	return 0;
}

static int folder_remove(void **state)
{
	(void)state;
	tempfolder_free(folder);
	return 0;
}

static void refused(const char *path, int error)
{
	size_t length;

	errno = 0;
	assert_null(read_regular_file(path, 100, &length));
	assert_int_equal(errno, error);
}

static void regular(void **state)
{
	size_t length;
	FILE *f = fopen(path_of("a"), "w");

	(void)state;
	fputs("text", f);
	fclose(f);
	assert_int_equal(symlink("a", path_of("link")), 0);
	char *text = read_regular_file(path_of("link"), 100, &length);
	assert_string_equal(text, "text");
	assert_int_equal(length, 4);
	free(text);
	errno = 0;
	assert_null(read_regular_file(path_of("a"), 3, &length));
	assert_int_equal(errno, EFBIG);
	refused(path_of("none"), ENOENT);
}

/* It would wait for a writer, and a writer that waits would go on. */
static void pipe_is_not_opened(void **state)
{
	char events[4096];
	int watch = inotify_init1(IN_NONBLOCK);

	(void)state;
	assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
	assert_true(inotify_add_watch(watch, path_of("pipe"), IN_OPEN) >= 0);
	refused(path_of("pipe"), ENOTSUP);
	assert_int_equal(read(watch, events, sizeof events), -1);
	assert_int_equal(errno, EAGAIN);
	close(watch);
}

static void neither_devices_nor_folders(void **state)
{
	(void)state;
	refused("/dev/null", ENOTSUP);
	refused("/dev/tty", ENOTSUP);
	refused(folder, EISDIR);
	assert_string_equal(read_file_reason(ENOTSUP), "it is not a regular file");
	assert_string_equal(read_file_reason(ENOENT), strerror(ENOENT));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_new, folder_remove)
	const struct CMUnitTest tests[] = {
		TEST(regular),
		TEST(pipe_is_not_opened),
		TEST(neither_devices_nor_folders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
