/* Private to daemon/: what steering.c knows; part of struct daemon. Main thread. */
#ifndef DAEMON_STEERING_STATE_H
#define DAEMON_STEERING_STATE_H

#include <ev.h>

#include "netlink/local_routes.h"
#include "nft/steer.h"

struct steering {	     /* zero: off */
	struct steer *table; /* NULL: not wanted, or not possible */
	const char *why_not; /* not possible: static text */
	struct local_routes *routes;
	struct ev_timer renew; /* active while there are addresses */
	size_t count;
	struct local_route wanted[STEER_ADDRS_MAX];
	const char *reasons[STEER_ADDRS_MAX]; /* why one is not steered; NULL: it is, unless held */
	const char *held;		      /* why none is; NULL: they are */
	uint64_t renewed_ms;		      /* clock_ms; 0: nothing is steered */
	uint64_t watched_ms, alive_ms;	      /* when the DNS threads were looked at, and all were well */
	uint32_t renewals;
	uint64_t lapses; /* times that it ended because it was not renewed in time */
};

#endif
