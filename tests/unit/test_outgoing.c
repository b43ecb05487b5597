/* Marked sockets from a thread that may mark them, for threads that may not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/call_list.h"
#include "base/outgoing.h"
#include "base/own_mark.h"
#include "base/thread.h"

#define MANY (5 * OUTGOING_READY)

static const struct thread_kind kind = {.name = "taker", .calls = CALLS_BASIC};

static int socket_option(int fd, int option)
{
	int value = -1;
	socklen_t bytes = sizeof value;

	assert_int_equal(getsockopt(fd, SOL_SOCKET, option, &value, &bytes), 0);
	return value;
}

/* Its own calls do not include socket(). */
static void *take_many(void *arg)
{
	int *fds = arg;

	for (size_t i = 0; i < MANY; i++)
		fds[i] = outgoing_socket(i % 2 == 0 ? AF_INET : AF_INET6, i % 3 == 0 ? SOCK_STREAM : SOCK_DGRAM);
	return NULL;
}

static void check(const int *fds)
{
	for (size_t i = 0; i < MANY; i++) {
		assert_true(fds[i] >= 0);
		assert_int_equal(socket_option(fds[i], SO_DOMAIN), i % 2 == 0 ? AF_INET : AF_INET6);
		assert_int_equal(socket_option(fds[i], SO_TYPE), i % 3 == 0 ? SOCK_STREAM : SOCK_DGRAM);
		assert_true(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		if (geteuid() == 0)
			assert_int_equal(socket_option(fds[i], SO_MARK), SOCK_OWN_MARK);
		close(fds[i]);
	}
}

static void test_threads_that_may_not(void **state)
{
	int fds[2][MANY];
	pthread_t threads[2];

	(void)state;
	outgoing_start();
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(thread_start(&threads[i], &kind, take_many, fds[i]), 0);
	for (size_t i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	outgoing_stop();
	check(fds[0]);
	check(fds[1]);
}

static int open_count(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_none_is_left_behind(void **state)
{
	const int before = open_count();

	(void)state;
	outgoing_start();
	close(outgoing_socket(AF_INET, SOCK_DGRAM));
	outgoing_stop();
	assert_int_equal(open_count(), before);
}

/* Out of descriptors: each taker hears it, and the next one after that is served. */
static void test_an_error_reaches_the_taker(void **state)
{
	struct rlimit limit, tight;
	int fds[OUTGOING_READY + 1], error = 0;
	size_t taken = 0;

	(void)state;
	outgoing_start();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	tight = limit;
	tight.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	errno = 0;
	int fd = outgoing_socket(AF_INET, SOCK_DGRAM);
	error = errno;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(fd, -1);
	assert_int_equal(error, EMFILE);
	while (taken < OUTGOING_READY + 1) {
		fd = outgoing_socket(AF_INET, SOCK_DGRAM);
		if (fd >= 0)
			fds[taken++] = fd;
	}
	while (taken > 0)
		close(fds[--taken]);
	outgoing_stop();
}

static void test_without_the_thread(void **state)
{
	int fd = outgoing_socket(AF_INET, SOCK_STREAM);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_that_may_not),
		cmocka_unit_test(test_none_is_left_behind),
		cmocka_unit_test(test_an_error_reaches_the_taker),
		cmocka_unit_test(test_without_the_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
