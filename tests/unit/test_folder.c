/* Folders and files that other users could replace: refused, and nothing that was put there is followed. */
#include <errno.h>
#include <fcntl.h>
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

#include "base/buf.h"
#include "base/folder.h"
#include "daemon/control.h"
#include "tests/tempfolder.h"
#include "watch/checkpoint_file.h"

static const struct sink unused; /* called: the test crashes */

static int folder_new(void **state)
{
	static char path[TEMPFOLDER_BYTES];

	*state = (void *)(uintptr_t)tempfolder_new(path, "folder");
	return 0;
}

static int folder_free(void **state)
{
	tempfolder_free(*state);
	return 0;
}

static void path_in(char path[256], const char *folder, const char *name)
{
	snprintf(path, 256, "%s/%s", folder, name);
}

static void who_may_write(void **state)
{
	struct stat st = {.st_mode = S_IFDIR | 0755, .st_uid = geteuid()};

	(void)state;
	assert_null(folder_wrong(&st, false));
	st.st_mode = S_IFDIR | 0775;
	assert_string_equal(folder_wrong(&st, false), "other users may write to it");
	st.st_mode = S_IFDIR | 01777;
	assert_non_null(folder_wrong(&st, false));
	assert_null(folder_wrong(&st, true));
	st.st_mode = S_IFDIR | 0700;
	st.st_uid = geteuid() + 1000;
	assert_string_equal(folder_wrong(&st, false), "it belongs to another user");
	st.st_mode = S_IFREG | 0600;
	assert_string_equal(folder_wrong(&st, true), "it is not a folder");
}

static void state_folder(void **state)
{
	struct checkpoint_file_info info;
	struct checkpoint_file_writer *w = checkpoint_file_begin(*state, "source", 1);

	assert_non_null(w);
	assert_true(checkpoint_file_commit(w));
	assert_int_equal(chmod(*state, 0777), 0);
	assert_null(checkpoint_file_begin(*state, "source", 2));
	assert_int_equal(errno, EPERM);
	assert_false(checkpoint_file_load(*state, "source", &unused, &info));
	assert_int_equal(chmod(*state, 0700), 0);
	w = checkpoint_file_begin(*state, "source", 3);
	assert_non_null(w);
	assert_true(checkpoint_file_commit(w));
}

static void checkpoint_file_of_others(void **state)
{
	struct checkpoint_file_info info;
	char path[256];

	path_in(path, *state, CHECKPOINT_FILE);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(checkpoint_file_load(*state, "source", &unused, &info));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_false(checkpoint_file_load(*state, "source", &unused, &info));
}

/* What waits under the temporary name is replaced, neither written to nor waited for. */
static void temporary_of_others(void **state)
{
	char path[256], victim[256];
	struct stat st;

	path_in(path, *state, CHECKPOINT_FILE ".tmp");
	path_in(victim, *state, "victim");
	for (int fifo = 0; fifo < 2; fifo++) {
		assert_int_equal(fifo ? mkfifo(path, 0600) : symlink(victim, path), 0);
		struct checkpoint_file_writer *w = checkpoint_file_begin(*state, "source", 1);
		assert_non_null(w);
		assert_true(checkpoint_file_commit(w));
		assert_int_equal(stat(victim, &st), -1);
	}
}

static void control_refuses(const char *path, const char *why)
{
	char error[ERROR_BYTES];

	assert_null(control_open(path, error));
	if (strstr(error, why) == NULL)
		fail_msg("%s: lacks %s", error, why);
}

static void control_folder(void **state)
{
	char path[256], lock[256], error[ERROR_BYTES];

	path_in(path, *state, "c.sock");
	path_in(lock, *state, "c.sock.lock");
	assert_int_equal(chmod(*state, 0777), 0);
	control_refuses(path, "other users may write to it");
	assert_int_equal(chmod(*state, 0700), 0);
	assert_int_equal(symlink("victim", lock), 0);
	control_refuses(path, "c.sock.lock");
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(mkfifo(lock, 0600), 0);
	control_refuses(path, "Operation not permitted");
	assert_int_equal(unlink(lock), 0);
	struct control *c = control_open(path, error);
	assert_non_null(c);
	control_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_may_write),
		cmocka_unit_test_setup_teardown(state_folder, folder_new, folder_free),
		cmocka_unit_test_setup_teardown(checkpoint_file_of_others, folder_new, folder_free),
		cmocka_unit_test_setup_teardown(temporary_of_others, folder_new, folder_free),
		cmocka_unit_test_setup_teardown(control_folder, folder_new, folder_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
