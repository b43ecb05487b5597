/*
 * This host's own addresses and the ones that its default routes send from, kept up to date through rtnetlink: for
 * node ports and for the node's address. Main thread.
 */
#ifndef NETLINK_HOST_ADDRESSES_H
#define NETLINK_HOST_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

struct hostaddr;

/* Reads everything once. NULL with *error (one static line) when rtnetlink is not there. */
struct hostaddr *hostaddr_open(const char **error);
void hostaddr_close(struct hostaddr *h); /* NULL is fine */

int hostaddr_fd(const struct hostaddr *h); /* to poll for reading */
/*
 * Takes what came in; true: one of the lists below is another one now. Notifications lost: all is read again. An
 * error is logged, and the kernel asked again with whatever comes next.
 */
bool hostaddr_read(struct hostaddr *h);

/* Every address of every interface, loopback included, sorted, each once. Borrowed until the next hostaddr_read. */
const struct addr *hostaddr_list(const struct hostaddr *h, size_t *count);
/* Source addresses of the default routes: IPv4 first, then IPv6; a family without default route has none. */
const struct addr *hostaddr_routes(const struct hostaddr *h, size_t *count);
/* Where these lead: gateways, as many as there are. */
const struct addr *hostaddr_routers(const struct hostaddr *h, size_t *count);
/*
 * Global addresses in a network, of interfaces that no default route uses, of families with a default route; sorted.
 */
const struct addr *hostaddr_inner(const struct hostaddr *h, size_t *count);
/* The networks that global addresses say are on their link: no single addresses. Sorted, each once. */
const struct cidr *hostaddr_networks(const struct hostaddr *h, size_t *count);

#endif
