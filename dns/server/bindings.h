/*
 * The sockets of the DNS server: for each address one for TCP and one UDP socket per worker. One that cannot be bound
 * yet, because another program has the port, is tried again; an address that the host does not have yet is bound all
 * the same (IP_FREEBIND) and served once it comes. Both are told as problems meanwhile.
 *
 * TCP comes first: unlike UDP's SO_REUSEPORT it is exclusive, so two servers never share one address's queries.
 * Main thread.
 */
#ifndef DNS_SERVER_BINDINGS_H
#define DNS_SERVER_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr_port.h"

struct bindings;

/* What keeps an address from being served. */
struct binding_problem {
	struct addr_port at;
	const char *reason; /* static text */
};

/* A bound socket, which the callee owns from now on; for TCP it listens. at: index of the address. */
typedef void binding_fn(void *ctx, int fd, size_t at, bool tcp, unsigned worker);

struct bindings_config {
	const struct addr_port *addrs; /* copied */
	size_t count;
	size_t extra; /* room for so many more, which come and go; their indices follow those of addrs */
	unsigned workers;
	binding_fn *bound; /* a second socket for an index replaces the first */
	void *ctx;
};

/* Nothing is bound before bindings_try. */
struct bindings *bindings_new(const struct bindings_config *config);
void bindings_free(struct bindings *b); /* NULL is fine */

/*
 * Binds what is not bound yet, and looks which addresses the host has. Changes are logged. NULL, or one line about what
 * waiting cannot cure (no right to bind the port, no such family), valid until the next call.
 */
const char *bindings_try(struct bindings *b);

/*
 * These are the further addresses now, at most `extra`, on the port of each. What is gone from the list keeps its
 * sockets until another address needs the place. Not told as problems; see bindings_extra_reason. bindings_try binds
 * them.
 */
void bindings_extra_set(struct bindings *b, const struct addr_port *addrs, size_t count);
/* NULL: all sockets of that address are bound, its own or those of a wildcard. Else why not; static text. */
const char *bindings_extra_reason(const struct bindings *b, const struct addr_port *at);

bool bindings_complete(const struct bindings *b); /* every socket of the first addresses is bound */
/* Problems of the last bindings_try; borrowed until the next. */
const struct binding_problem *bindings_problems(const struct bindings *b, size_t *count);

#endif
