/*
 * What --forward and --stub-domain say: which upstream servers are asked for which names. Text to plan, and a
 * resolv.conf to upstreams; pure. A plan is constant from then on and belongs to its arena.
 */
#ifndef DNS_FORWARD_PLAN_H
#define DNS_FORWARD_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr_port.h"
#include "base/mem.h"
#include "dns/wire/name.h"

#define UPSTREAMS_MAX 15 /* for one domain, as CoreDNS */
#define STUBS_MAX 256
#define SEARCH_DOMAINS_MAX 32 /* kubelet's limit */

enum forward_policy { FORWARD_RANDOM, FORWARD_ROUND_ROBIN, FORWARD_SEQUENTIAL }; /* CoreDNS's words */

struct forward_server {
	struct addr_port at;
	bool tls;
	const char *name; /* in the certificate; NULL: the address is */
};

struct stub {
	struct name zone;
	size_t count;
	struct forward_server to[UPSTREAMS_MAX];
};

struct forward_plan {
	/* Other names: addresses, or those of a file, or neither (they are REFUSED). */
	size_t count;
	struct forward_server to[UPSTREAMS_MAX];
	const char *file; /* a resolv.conf */
	bool none;	  /* given as such */
	size_t stub_count;
	struct stub *stubs;
	enum forward_policy policy;
	bool tcp; /* always TCP */
};

/*
 * `forward`: "none", one absolute path, or servers separated by commas; several texts are joined. A server is
 * "ADDR[:PORT]" or "tls://ADDR[:PORT][#NAME]". Each of `stubs`: "NAME=SERVER[,…]". NULL when fine, else a line without
 * the flag, in the arena or static; *bad is the text that it is about.
 */
const char *plan_forward(struct forward_plan *p, struct arena *a, const char *text);
const char *plan_stub(struct forward_plan *p, struct arena *a, const char *text);

/* The name servers of a resolv.conf; those that are no address are left out, as is what only our flags know. Returns
 * how many. */
size_t plan_read_file(const char *text, size_t length, struct forward_server to[UPSTREAMS_MAX]);

/* Its search domains but those in the zone `own`: a pod's list has these behind the cluster's. Returns how many. */
size_t plan_read_searches(const char *text, size_t length, const struct name *own, struct name to[SEARCH_DOMAINS_MAX]);

/* The stub domain that the name is in, the longest match; NULL: none. */
const struct stub *plan_stub_of(const struct forward_plan *p, const struct name *name);

/* There is a server for this name; for some name. */
bool plan_serves(const struct forward_plan *p, const struct name *name);
bool plan_forwards(const struct forward_plan *p);

#endif
