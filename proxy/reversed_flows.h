/*
 * UDP flows that existed before the Service did, and bypassed its rules. Their conntrack entries are deleted when the
 * frontend appears (stale_flows.h). But an answer that is under way then makes a new entry, with the server as if it
 * were the client: the client's next packets count as answers there, and no rule sees them while it keeps sending.
 * These reversed entries are looked for during a few more seconds. One thread at a time.
 */
#ifndef PROXY_REVERSED_FLOWS_H
#define PROXY_REVERSED_FLOWS_H

#include <stdbool.h>

#include "base/map.h"
#include "proxy/stale_flows.h"

#define REVERSED_FIRST_MS 200u	  /* until the first look; each next one takes twice as long */
#define REVERSED_LAST_MS 3200u	  /* before the last one: a server may ask others before it answers */
#define REVERSED_FLOWS_MAX 65536u /* at a time; further ones are not looked for */

struct reversed_flows { /* all zero = empty */
	struct map flows;
	bool in_family[2]; /* IPv4, IPv6: there are such */
	uint32_t gap_ms;
	uint64_t next_ms; /* of the next look; 0: none is due */
};

/* Copies the ends of a flow whose entry goes; again is fine. */
void reversed_flows_note(struct reversed_flows *t, const struct conntrack_entry *f);
/* f goes from the server to the client of one that was noted. */
bool reversed_flows_has(const struct reversed_flows *t, const struct conntrack_entry *f);
bool reversed_flows_due(const struct reversed_flows *t, uint64_t now_ms);
/* A look at conntrack is over. Sets the next one; after the last, all is forgotten. */
void reversed_flows_looked(struct reversed_flows *t, uint64_t now_ms);
void reversed_flows_fini(struct reversed_flows *t); /* leaves it empty, ready to use */

#endif
