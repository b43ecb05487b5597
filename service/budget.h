/*
 * What a Service asks for, counted before anything is allocated for it: one small object can ask for the product of
 * several lists (ports, endpoints and their weights, addresses, source ranges). Pure.
 */
#ifndef SERVICE_BUDGET_H
#define SERVICE_BUDGET_H

#include "service/compile.h"

#define BUDGET_ELEMENTS_DEFAULT 262144
/*
 * A source range counts as so many elements. The kernel's set of them is shared by all Services, and to add or delete
 * one takes it 60 to 100 ns for each that is there: 4 000, as many as the default admits, took 0.5 and 1 s.
 */
#define BUDGET_RANGE_COST 64
/* One of IPv6 counts as so many of these: all of an address are gone through for each connection to it (nft/sets.c). */
#define BUDGET_RANGE6_COST 2

#define BUDGET_SHARED 2 /* source ranges and verdicts: all Services share what there may be */

/*
 * What a Service asks for, or has. With a verdict in a transaction the kernel walks all verdict maps (nft/verdict.h),
 * of all Services, in 0.15 to 0.3 us an element (nft_lookup_validate): each such change waits for that.
 */
struct budget_counts {
	uint64_t elements;
	uint64_t ranges, verdicts; /* of these, in the set of source ranges, and in verdict maps */
};

/*
 * An upper bound of the elements that service_compile's result asks for, close enough that no Service within reason is
 * far below it: endpoints that topology or policies leave out are counted. It is at least what its slices list for DNS
 * (addresses and ports), and what is sorted to find the endpoints. Up to `exact_from` a rough count will do. `scratch`
 * is emptied first.
 */
uint64_t budget_count(const struct compile_input *in, uint64_t exact_from, struct arena *scratch);
/* Of these elements those of the set of source ranges, at most; see BUDGET_RANGE6_COST. Each is in the counts
 * BUDGET_RANGE_COST times. */
uint64_t budget_ranges(const struct compile_input *in);
/* Of these elements those of verdict maps, at most. */
uint64_t budget_verdicts(const struct compile_input *in);
/* The rough count: not below the exact one, without a look at names. Enough for all but a few Services. */
uint64_t budget_rough(const struct compile_input *in);

/*
 * The largest size of Maglev tables (nft/verdict.h) that fits: each frontend, at up to two node port addresses of a
 * family, has one, or two with externalTrafficPolicy Local. It follows from the Service and the flag alone, so that it
 * is the same on all nodes, and no endpoint changes it. The smallest where none fits. max_elements 0: no limit.
 */
uint32_t budget_maglev_size(const struct service_object *o, uint64_t max_elements);

#endif
