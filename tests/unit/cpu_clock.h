/* CPU time of this thread: what other programs do meanwhile does not count. */
#ifndef TESTS_UNIT_CPU_CLOCK_H
#define TESTS_UNIT_CPU_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#endif
