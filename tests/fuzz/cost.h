/*
 * Work that grows faster than its input is a finding: processor time of this thread, in units of what one byte of an
 * ordinary object takes in the same build on the same machine. Include in one file of a fuzz target.
 */
#ifndef TESTS_COST_H
#define TESTS_COST_H

#include <stdint.h>
#include <time.h>

#define COST_FREE_NS 20000000ULL /* below it nothing is a finding */

static uint64_t cost_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* What work(ctx) took; one that seems too much is done again, twice, and its best time counts. */
static uint64_t cost_of(void (*work)(void *), void *ctx, uint64_t limit_ns)
{
	uint64_t best_ns = UINT64_MAX;

	for (int i = 0; i < 3 && best_ns > limit_ns; i++) {
		uint64_t begin_ns = cost_now_ns();
		work(ctx);
		uint64_t took_ns = cost_now_ns() - begin_ns;
		best_ns = took_ns < best_ns ? took_ns : best_ns;
	}
	return best_ns;
}

#endif
