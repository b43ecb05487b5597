/* The limit of file descriptors, raised as far as it goes and divided. */
#include "base/descriptors.h"

#include <limits.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define OWN_MAX 1024U

static atomic_uint own = UINT_MAX, for_services = UINT_MAX; /* before descriptors_raise: no limit */

unsigned descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	const struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
	if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
		limit = raised;
	unsigned all = limit.rlim_cur < UINT_MAX ? (unsigned)limit.rlim_cur : UINT_MAX;
	atomic_store(&own, all / 2 < OWN_MAX ? all / 2 : OWN_MAX);
	atomic_store(&for_services, all - atomic_load(&own));
	return all;
}

unsigned descriptors_own(void)
{
	return atomic_load(&own);
}

unsigned descriptors_left(void)
{
	return atomic_load(&for_services);
}

bool descriptors_take(unsigned count)
{
	unsigned left = atomic_load(&for_services);

	do {
		if (left < count)
			return false;
	} while (!atomic_compare_exchange_weak(&for_services, &left, left - count));
	return true;
}

void descriptors_give(unsigned count)
{
	atomic_fetch_add(&for_services, count);
}
