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

/* Nothing is bound before bindings_try. The addresses are copied. */
struct bindings *bindings_new(const struct addr_port *addrs, size_t count, unsigned workers, binding_fn *bound,
			      void *ctx);
void bindings_free(struct bindings *b); /* NULL is fine */

/*
 * Binds what is not bound yet, and looks which addresses the host has. Changes are logged. NULL, or one line about what
 * waiting cannot cure (no right to bind the port, no such family), valid until the next call.
 */
const char *bindings_try(struct bindings *b);

bool bindings_complete(const struct bindings *b); /* every socket is bound */
/* Problems of the last bindings_try; borrowed until the next. */
const struct binding_problem *bindings_problems(const struct bindings *b, size_t *count);

#endif
