/*
 * The names of --dns-zone: SVC.ZONE of each Service, and those of its annotation fairlead/hostname, with addresses that
 * the local network can reach. Pure; the main thread.
 *
 * Load balancer addresses come first, else external addresses, else ClusterIPs, which need a route; of a headless
 * Service its ready endpoints. A node port is no choice: the name would lead to another port than the Service's.
 */
#ifndef DNS_ZONE_LAN_H
#define DNS_ZONE_LAN_H

#include "dns/zone/static_names.h"
#include "service/service.h"

struct lan_input {
	const struct name *zone;
	const struct service **services; /* is sorted */
	size_t count;
	const struct static_names *hosts;	  /* whose names win; NULL: none */
	void (*say)(void *ctx, const char *line); /* why a name is not a Service's: one line, without its newline */
	void *ctx;
};

/*
 * A name that several ask for: the annotation wins over a Service's own name, then the older Service, then by namespace
 * and name. The caller frees.
 */
struct static_names *lan_names(const struct lan_input *in);

/* Equal: lan_names makes the same of both. NULL is fine. */
uint64_t lan_digest(const struct service *s);

#endif
