/* Manifests that cannot be read or followed for a passing reason, one after the other; the errors are injected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "tests/unit/manifest_world.h"
#include "watch/manifest/manifest_retry.h"

static struct {
	int open, read, opendir, inotify, watch; /* an errno, 0: none */
} broken;

/* These take the place of the C library's. */
int open(const char *path, int flags, ...)
{
	if (broken.open != 0 && strstr(path, "a.yaml") != NULL && (flags & O_ACCMODE) == O_RDONLY) {
		errno = broken.open;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0644);
}

ssize_t read(int fd, void *bytes, size_t room)
{
	char path[64], target[256] = "";

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (broken.read != 0 && readlink(path, target, sizeof target - 1) > 0 && strstr(target, "a.yaml") != NULL) {
		errno = broken.read;
		return -1;
	}
	return syscall(SYS_read, fd, bytes, room);
}

int inotify_init1(int flags)
{
	if (broken.inotify != 0) {
		errno = broken.inotify;
		return -1;
	}
	return (int)syscall(SYS_inotify_init1, flags);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	if (broken.watch != 0) {
		errno = broken.watch;
		return -1;
	}
	return (int)syscall(SYS_inotify_add_watch, fd, path, mask);
}

/* Runs the loop until the object has the port; the time that a test may take ends it. */
static void wait_for_port(struct world *w, int port)
{
	const uint64_t end_ms = clock_ms() + 60000;

	while (map_get_str(&w->objects, "Service default/a") == NULL || port_of(w, "Service default/a") != port) {
		assert_true(clock_ms() < end_ms);
		ev_run(w->loop, EVRUN_ONCE);
	}
}

static size_t problems(const struct world *w)
{
	struct manifest_counts counts;

	manifest_count(w->m, &counts);
	return counts.problems;
}

static void one_error_at_a_time(struct world *w, int *which, const int *errors, size_t count)
{
	put(w, "a.yaml", SERVICE("a", 1));
	start(w);
	for (size_t i = 0; i < count; i++) {
		const int port = (int)i + 2;
		const size_t before = problems(w);
		*which = errors[i];
		put(w, "a.yaml", port == 2 ? SERVICE("a", 2) : port == 3 ? SERVICE("a", 3) : SERVICE("a", 4));
		turn(w);
		assert_int_equal(port_of(w, "Service default/a"), port - 1); /* the last good version stays */
		assert_int_equal(problems(w), before + 1);
		*which = 0;
		wait_for_port(w, port);
		assert_int_equal(problems(w), before + 1);
	}
}

static void cannot_be_opened(void **state)
{
	const int errors[] = {EMFILE, ENFILE, ENOMEM};

	one_error_at_a_time(*state, &broken.open, errors, 3);
}

static void cannot_be_read(void **state)
{
	const int errors[] = {EIO, ENOMEM};

	one_error_at_a_time(*state, &broken.read, errors, 2);
}

static void no_inotify_instance(void **state)
{
	struct world *w = *state;

	broken.inotify = EMFILE;
	put(w, "a.yaml", SERVICE("a", 1));
	start(w);
	assert_int_equal(problems(w), 1);
	put(w, "a.yaml", SERVICE("a", 2));
	wait_for_port(w, 2); /* the folder is looked at */
	broken.inotify = 0;
	put(w, "a.yaml", SERVICE("a", 3));
	wait_for_port(w, 3);
	put(w, "a.yaml", SERVICE("a", 4));
	turn(w); /* at once: it is followed now */
	assert_int_equal(port_of(w, "Service default/a"), 4);
	assert_int_equal(problems(w), 1);
}

static void no_watch_left(void **state)
{
	struct world *w = *state;

	broken.watch = ENOSPC;
	put(w, "a.yaml", SERVICE("a", 1));
	start(w);
	const size_t said = problems(w);
	assert_true(said >= 1);
	put(w, "a.yaml", SERVICE("a", 2));
	wait_for_port(w, 2);
	broken.watch = 0;
	put(w, "a.yaml", SERVICE("a", 3));
	wait_for_port(w, 3);
	put(w, "a.yaml", SERVICE("a", 4));
	turn(w);
	assert_int_equal(port_of(w, "Service default/a"), 4);
	assert_int_equal(problems(w), said);
}

static void what_does_not_pass_is_not_tried(void **state)
{
	struct world *w = *state;

	broken.open = EACCES;
	put(w, "a.yaml", SERVICE("a", 1));
	start(w);
	assert_int_equal(problems(w), 1);
	ev_run(w->loop, EVRUN_NOWAIT);
	assert_int_equal(ev_pending_count(w->loop), 0);
	assert_false(retry_is_passing(EACCES));
}

static int fresh(void **state)
{
	memset(&broken, 0, sizeof broken);
	manifest_retry_s = 0.05;
	return world_new(state);
}

static int done(void **state)
{
	memset(&broken, 0, sizeof broken);
	return world_free(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cannot_be_opened, fresh, done),
		cmocka_unit_test_setup_teardown(cannot_be_read, fresh, done),
		cmocka_unit_test_setup_teardown(no_inotify_instance, fresh, done),
		cmocka_unit_test_setup_teardown(no_watch_left, fresh, done),
		cmocka_unit_test_setup_teardown(what_does_not_pass_is_not_tried, fresh, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
