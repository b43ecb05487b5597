/*
 * Sockets that listen. A listener binds its address, or tries again every 5 s until it can; it accepts connections and
 * hands them over. Without a descriptor or memory for a connection it stops for a moment, so that the loop does not
 * spin on a socket that stays readable; clients wait in the backlog.
 *
 * A group owns its listeners' timers, its listeners own their sockets. All functions and callbacks run on the thread of
 * the group's loop; no callback closes a listener. Log lines name the listener: one when its address is taken, one when
 * it listens after that; one per group when descriptors are missing.
 */
#ifndef BASE_LISTENER_H
#define BASE_LISTENER_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/addr_port.h"

struct ev_loop;
struct listeners;
struct listener;

/* What to bind. */
struct listen_at {
	struct addr_port at;
	bool datagram;	      /* UDP; else TCP */
	bool dual;	      /* at.addr is a wildcard: both families; IPv4 alone where the host has no IPv6 */
	bool (*prepare)(int); /* sets further options before bind; false with errno; NULL: none */
};

/*
 * A bound, non-blocking socket, which listens unless it is for datagrams; -1 with errno. One that was inherited for
 * that address (base/inherited.h) comes first, as the process before this one left it. Any thread.
 */
int listener_socket(const struct listen_at *at);
/* Why an address could not be bound, in words. Any thread; borrowed as strerror's. */
const char *listener_reason(int error);

struct listener_config {
	const char *what; /* subject of log lines; copied */
	const char *ns;	  /* of the Service that asks for it, for log_about; NULL: ours; copied */
	struct listen_at at;
	bool of_service; /* a Service asks for it: its descriptor is one of theirs (base/descriptors.h) */
	/*
	 * Asked before each accept with starved false, and with true when the kernel had no descriptor: may close
	 * another connection. False: accepts nothing for a moment. NULL: always room, never a way to make it.
	 */
	bool (*room)(void *ctx, bool starved);
	/* A connection, non-blocking, which belongs to the callee now. Not for datagrams. */
	void (*accepted)(void *ctx, int fd, const struct sockaddr_storage *from);
	void (*readable)(void *ctx, int fd); /* datagrams wait; the socket stays the listener's */
	void (*bound)(void *ctx, int fd); /* it listens from now on; also from inside listener_open; NULL: no matter */
	bool gives;			  /* `bound` takes the socket, and its descriptor of a Service, for good */
	void *ctx;			  /* outlives the listener */
};

struct listeners *listeners_new(struct ev_loop *loop);
void listeners_free(struct listeners *group);  /* without listeners; NULL is fine */
void listeners_retry(struct listeners *group); /* an address may be free now: tries those that wait at once */

struct listener *listener_open(struct listeners *group, const struct listener_config *config); /* never NULL */
/* Accepts from a socket that listens already and becomes the listener's. `at` and `bound` do not count. */
struct listener *listener_adopt(struct listeners *group, const struct listener_config *config, int fd);
int listener_fd(const struct listener *l); /* -1: not bound yet; borrowed */
void listener_close(struct listener *l);   /* closes the socket, unless it gave it away; NULL is fine */

#endif
