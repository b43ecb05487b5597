/*
 * New connections a second, from the counters that the kernel keeps at each frontend. They are read only while the page
 * is looked at, and so seldom that it takes at most half a percent of a core. Main thread.
 */
#ifndef OBSERVE_PAGE_CONNECTIONS_H
#define OBSERVE_PAGE_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "nft/nft.h"
#include "observe/page/history.h"

struct connections { /* all zero at first */
	struct history_rate rate;
	uint64_t wanted_ms; /* when the page was last looked at */
	uint64_t next_ms;   /* not read before */
	bool many;	    /* frontends: reading them would hold the main thread up */
};

void connections_wanted(struct connections *c, uint64_t now_ms);
void connections_sample(struct connections *c, struct nft *nft, uint64_t now_ms); /* nft NULL: nothing */
/* Why the rate is not known; static. */
const char *connections_unknown(const struct connections *c);

#endif
