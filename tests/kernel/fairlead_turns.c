/*
 * The whole daemon, whose main thread says how long others wait for it: the file $FAIRLEAD_TURNS is a number in
 * nanoseconds, of CPU time, of the longest turn of its loop. A test may set it to 0 at any time. What other programs do
 * on this machine does not count.
 */
#include "cli/main.c"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t *longest_ns; /* NULL: not wanted */
static uint64_t turn_start_ns;	     /* 0: the loop has not begun */
static int (*real_epoll_wait)(int fd, struct epoll_event *events, int count, int timeout_ms);

static void __attribute__((constructor)) file_map(void)
{
	const char *path = getenv("FAIRLEAD_TURNS");
	const int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;

	*(void **)&real_epoll_wait = dlsym(RTLD_NEXT, "epoll_wait");
	if (fd < 0)
		return;
	longest_ns = mmap(NULL, sizeof *longest_ns, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
}

static uint64_t thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Takes the place of the C library's: what libev waits with between two turns. */
int epoll_wait(int fd, struct epoll_event *events, int count, int timeout_ms)
{
	const bool counts = longest_ns != NULL && gettid() == getpid();

	if (counts && turn_start_ns != 0 && thread_ns() - turn_start_ns > *longest_ns)
		*longest_ns = thread_ns() - turn_start_ns;
	const int ready = real_epoll_wait(fd, events, count, timeout_ms);
	if (counts)
		turn_start_ns = thread_ns();
	return ready;
}
