/*
 * Where the answer to a name outside the cluster came from: for the query log. All zero: a name of ours.
 */
#ifndef DNS_ANSWER_ORIGIN_H
#define DNS_ANSWER_ORIGIN_H

#include "base/addr_port.h"

enum origin_cache { ORIGIN_OWN, ORIGIN_HIT, ORIGIN_MISS, ORIGIN_STALE };

struct origin {
	enum origin_cache cache;
	struct addr_port upstream; /* asked last; port 0: none was asked */
	uint64_t upstream_ns;	   /* since then */
};

#endif
