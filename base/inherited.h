/*
 * Sockets that go from one process to the next. A daemon that starts is given the listening sockets of the one before
 * it, and a listener takes such a socket instead of a new one (base/listener.h): no query and no connection finds the
 * address unserved. And the other way round: which sockets of this process listen, to be given away. Any thread.
 */
#ifndef BASE_INHERITED_H
#define BASE_INHERITED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr_port.h"

#define INHERITED_MAX 1024 /* further ones are closed, or not given away */

/* Takes the descriptor over. What is no socket of IPv4 or IPv6 with a port is closed. */
void inherited_add(int fd);
/* A socket of that address that nothing has taken yet; -1: none. Several may have one address (SO_REUSEPORT). */
int inherited_take(const struct addr_port *at, bool datagram);
void inherited_close(void); /* those that nothing has taken */

/* Sockets will be given: an address that is in use until then is no surprise, and costs no log line. */
void inherited_set_expected(bool expected);
bool inherited_is_expected(void);

/* It listens, or takes datagrams. Forgotten by itself once it is closed. */
void inherited_note(int fd);
/* Copies of those that do, now; the caller closes them. Returns how many. */
size_t inherited_copies(int *fds, size_t room);

/*
 * They are another process's too from now on: no thread may shut one down before it closes it. That would end it for
 * the other.
 */
void inherited_set_shared(void);
bool inherited_is_shared(void);

#endif
