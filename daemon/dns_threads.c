/* Looks at the threads that answer DNS. */
#include "daemon/dns_threads.h"

#define LOOK_AGAIN_MS 100

bool dns_threads_are_alive(struct daemon *d, uint64_t now_ms)
{
	if (d->server != NULL && now_ms - d->dns_looked_ms >= LOOK_AGAIN_MS) {
		d->dns_alive = server_is_alive(d->server);
		d->dns_looked_ms = now_ms;
	}
	return d->server == NULL || d->dns_alive;
}
