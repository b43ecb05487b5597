/* Lists of system calls: each case in a process of its own, since a list cannot be undone. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/call_list.h"

static const char *list;

static int run_here(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (call_list_apply(list) != 0)
			_exit(200);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int plain_socket(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0) >= 0 ? 0 : errno;
}

static int new_namespace(void)
{
	return (int)syscall(SYS_unshare, 0);
}

static int into_namespace(void)
{
	return (int)syscall(SYS_setns, -1, 0);
}

static int traces(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static void test_what_is_listed_works(void **state)
{
	(void)state;
	list = CALLS_BASIC "socket";
	assert_int_equal(run_here(plain_socket), 0);
}

static void test_what_is_not_listed_is_unknown(void **state)
{
	(void)state;
	list = CALLS_BASIC;
	assert_int_equal(run_here(plain_socket), ENOSYS);
}

static void test_an_intruder_ends_the_process(void **state)
{
	(void)state;
	list = CALLS_BASIC CALLS_LOOP CALLS_SOCKETS CALLS_THREADS;
	assert_int_equal(run_here(new_namespace), -SIGSYS);
	assert_int_equal(run_here(into_namespace), -SIGSYS);
	assert_int_equal(run_here(traces), -SIGSYS);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* whose reports start programs */
static int executable_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 201;
	return mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 ? 0 : errno;
}

static void *nothing(void *arg)
{
	return arg;
}

static int thread_made(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, nothing, NULL);

	return error != 0 ? error : pthread_join(thread, NULL);
}

static int program(void)
{
	return execl("/bin/true", "true", NULL);
}

static int process_made(void)
{
	return fork() < 0 ? errno : 0;
}

static void test_programs_and_processes(void **state)
{
	(void)state;
	list = CALLS_BASIC CALLS_THREADS;
	assert_int_equal(run_here(program), -SIGSYS);
	assert_int_equal(run_here(process_made), -SIGSYS);
}

static void test_memory_that_is_executed(void **state)
{
	(void)state;
	list = CALLS_BASIC;
	assert_int_equal(run_here(executable_memory), ENOSYS);
	list = CALLS_LIBRARIES;
	assert_int_equal(run_here(executable_memory), 0);
}

static void test_threads(void **state)
{
	(void)state;
	list = CALLS_BASIC;
	assert_int_not_equal(run_here(thread_made), 0);
	list = CALLS_BASIC CALLS_THREADS;
	assert_int_equal(run_here(thread_made), 0);
}
#endif

static int narrowed(void)
{
	if (plain_socket() != 0)
		return 202;
	return call_list_apply(CALLS_BASIC) != 0 ? 203 : plain_socket();
}

static void test_a_second_list_narrows(void **state)
{
	(void)state;
	list = CALLS_BASIC CALLS_THREADS "socket";
	assert_int_equal(run_here(narrowed), ENOSYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_listed_works),
		cmocka_unit_test(test_what_is_not_listed_is_unknown),
		cmocka_unit_test(test_an_intruder_ends_the_process),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		cmocka_unit_test(test_programs_and_processes),
		cmocka_unit_test(test_memory_that_is_executed),
		cmocka_unit_test(test_threads),
#endif
		cmocka_unit_test(test_a_second_list_narrows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
