/*
 * Endpoints that a Service's annotation fairlead/endpoints gives: addresses, and host names that are resolved. Main
 * thread.
 */
#ifndef WATCH_LAB_GIVEN_H
#define WATCH_LAB_GIVEN_H

#include "watch/lab/families.h"
#include "watch/lab/slice_groups.h"

/* Who knows the addresses of host names. */
struct given_hosts {
	/* One more Service needs the name, or one less. */
	void (*want)(void *ctx, const char *host, bool wanted);
	/* Its addresses, borrowed until the next call; none, with the reason in *why, or NULL while it is not known
	 * yet. */
	const struct addr *(*addrs)(void *ctx, const char *host, size_t *count, const char **why);
	void *ctx;
};

/* Who knows whether an endpoint is ready. */
struct given_judge {
	/* port: what its first TCP port is, 0: it has none. *why: NULL: nothing is to be said. */
	bool (*ready)(void *ctx, const struct addr *addr, uint16_t port, const char **why);
	void *ctx;
};

void given_want(const struct service_object *s, const struct given_hosts *hosts, bool wanted);
bool given_uses(const struct service_object *s, const char *host);
/* Tells of the slices "web:given-ipv4-0", …; hosts NULL: names have no addresses; judge NULL: all are ready. */
void given_slices(const struct service_object *s, const struct families *families, const struct given_hosts *hosts,
		  const struct given_judge *judge, struct arena *arena, const struct slice_sink *to);

#endif
