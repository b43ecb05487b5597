/*
 * The published state that DNS answers from. One writer (main thread), any number of readers (workers), no locks:
 * liburcu (QSBR flavour) hash tables of compiled services, namespaces and pods, and a tree of addresses.
 * Publishing one service costs the same at any number of services.
 */
#ifndef DNS_ZONE_ZONE_H
#define DNS_ZONE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "dns/zone/note.h"
#include "dns/zone/pods_mode.h"
#include "dns/zone/serial.h"
#include "service/service.h"

struct zone_config {
	const char *domain; /* "cluster.local", lower case, no trailing dot; copied */
	uint32_t ttl_s, negative_ttl_s;
	enum pods_mode pods;
	const char *lan; /* a zone for the local network, outside of domain; NULL: none. Copied */
};

struct name;
struct static_names;
struct zone;

/* NULL: config->domain or config->lan is not a domain name. */
struct zone *zone_new(const struct zone_config *config);
void zone_free(struct zone *z); /* all readers are gone; frees every service still published; NULL is fine */

/*
 * Writer side, main thread. zone_replace publishes `next` in place of `prev` (either may be NULL) as one step per
 * name and takes over both: prev is freed once no reader sees it, next belongs to the zone from now on.
 * The SOA serial moves only when something visible in DNS changed.
 */
void zone_replace(struct zone *z, struct service *prev, struct service *next);
void zone_namespace_set(struct zone *z, const char *ns, bool exists);
/* Who has an address: texts are borrowed. own_search: its search list is not the one of dnsPolicy ClusterFirst. */
struct zone_pod {
	const char *ns, *name;
	bool own_search;
};

/* Pods of this node: address → namespace/name, for "pods verified", the search path and logs. Copied; NULL removes. */
void zone_pod_set(struct zone *z, const struct addr *addr, const struct zone_pod *pod);
/* Where a bound of the serial is kept (serial.h); before zone_complete. Without it, the clock alone decides. */
void zone_serial_keep(struct zone *z, const struct serial_store *store);
/* Until true, every cluster name is answered with SERVFAIL. */
void zone_complete(struct zone *z);
/* Addresses this server is reached at, for NS and ns.dns (B.4). Loopback and wildcard ones are left out: clients cannot
 * use them. Copied. */
void zone_server_addrs_set(struct zone *z, const struct addr *addrs, size_t count);
/*
 * Prefixes whose reverse names are ours even where no record exists (service and pod ranges): NXDOMAIN there. Each
 * starts zones at its next whole octet or nibble: 10.96.0.0/12 is 96.10.in-addr.arpa … 111.10.in-addr.arpa. Outside
 * of them only names that exist, or have something below them, are ours. Copied.
 */
void zone_reverse_set(struct zone *z, const struct cidr *cidrs, size_t count);

/*
 * The source of the state has been silent since then (clock_ms), so answers may be old; 0: it is heard. Told in
 * replies once it lasts (dns/answer/reasons.h). Any thread.
 */
void zone_away_set(struct zone *z, uint64_t since_ms);

/* What status.dns tells of the daemon (dns/answer/debug_names.h). Text is copied; NULL: nothing. */
void zone_note_set(struct zone *z, enum zone_note note, const char *text);
/* The kernel has everything that is known; the last change of it was at changed_ms (clock_ms), 0: none. Any thread. */
void zone_sync_set(struct zone *z, bool in_sync, uint64_t changed_ms);

/* Static names beside those of the cluster domain; takes them over. Any number of times. */
void zone_hosts_set(struct zone *z, struct static_names *names);

/* The names below config.lan that are not static names; takes them over. Until then such names are SERVFAIL. */
void zone_lan_set(struct zone *z, struct static_names *names);

/* Of the writer. */
const struct static_names *zone_hosts(const struct zone *z); /* NULL: none */
const struct name *zone_lan(const struct zone *z);	     /* no labels: none */
bool zone_is_complete(const struct zone *z);
const struct name *zone_domain(const struct zone *z);
uint32_t zone_serial(const struct zone *z);

#endif
