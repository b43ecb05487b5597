/* Socket addresses from ours and back, and what every user of sockets needs. Any thread. */
#ifndef BASE_SOCK_H
#define BASE_SOCK_H

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"

/* Not an error of the peer: ask again when the descriptor is ready. */
static inline bool sock_again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

/* No descriptor or no memory is left: the next socket would fail as well. */
static inline bool sock_is_starved(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Closes; the peer sees a reset. */
static inline void sock_reset(int fd)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

/* addr is of IPv4 or IPv6. Returns the length of the filled part. */
static inline socklen_t sock_address(struct sockaddr_storage *ss, const struct addr *addr, uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	if (addr->family == AF_INET) {
		memcpy(&in.sin_addr, addr->bytes, sizeof in.sin_addr);
		memcpy(ss, &in, sizeof in);
		return sizeof in;
	}
	memcpy(&in6.sin6_addr, addr->bytes, sizeof in6.sin6_addr);
	memcpy(ss, &in6, sizeof in6);
	return sizeof in6;
}

/* The port; *addr is the address. `from` is a sockaddr_in or sockaddr_in6, at any place in memory. */
static inline uint16_t sock_parse(struct addr *addr, const void *from)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memcpy(&in, from, sizeof in);
	*addr = (struct addr){.family = (uint8_t)in.sin_family};
	if (in.sin_family == AF_INET) {
		memcpy(addr->bytes, &in.sin_addr, sizeof in.sin_addr);
		return ntohs(in.sin_port);
	}
	memcpy(&in6, from, sizeof in6);
	memcpy(addr->bytes, &in6.sin6_addr, sizeof in6.sin6_addr);
	return ntohs(in6.sin6_port);
}

/*
 * Is the address of `peer`, a sockaddr_in or sockaddr_in6, one of this host? Asked of the routing table: what is sent
 * to an own address leaves from it. Sends nothing. False also when there is no descriptor.
 */
static inline bool sock_is_local(const struct sockaddr_storage *peer)
{
	struct sockaddr_storage own;
	socklen_t bytes = sizeof own;
	struct addr from, to;
	int fd = socket(peer->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	bool local = connect(fd, (const struct sockaddr *)peer, sizeof *peer) == 0 &&
		     getsockname(fd, (struct sockaddr *)&own, &bytes) == 0;
	close(fd);
	if (!local)
		return false;
	sock_parse(&from, &own);
	sock_parse(&to, peer);
	return addr_equal(&from, &to);
}

/*
 * Does the address of `peer` stand for many clients? Loopback does, and the node's own addresses: all pods behind one
 * masquerade share one. Limits per address do not hold for it.
 */
static inline bool sock_is_shared(const struct sockaddr_storage *peer)
{
	struct addr addr;

	sock_parse(&addr, peer);
	addr_unmap(&addr);
	return addr_is_loopback(&addr) || sock_is_local(peer);
}

#endif
