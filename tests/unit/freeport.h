/* Ports for servers of a test program: free on every address, and below those that the kernel hands out by itself, so
 * that no other program gets one between this and the bind. */
#ifndef TESTS_UNIT_FREEPORT_H
#define TESTS_UNIT_FREEPORT_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#define FREEPORT_FIRST 10000
#define FREEPORT_COUNT 20000 /* below the node ports, too */

static inline bool freeport_try(int type, uint16_t port)
{
	const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0);
	bool is_free = bind(fd, (const void *)&any, sizeof any) == 0;

	close(fd);
	return is_free;
}

/* Another one each time; programs that run at the same time begin at different ones. */
static inline uint16_t freeport(int type)
{
	static unsigned next;

	if (next == 0)
		next = (unsigned)getpid() * 64;
	for (int tries = 0; tries < FREEPORT_COUNT; tries++) {
		uint16_t port = (uint16_t)(FREEPORT_FIRST + next++ % FREEPORT_COUNT);
		if (freeport_try(type, port))
			return port;
	}
	fatalx("no port is free");
}

#endif
