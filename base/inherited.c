/* Keeps the sockets that this process was given, and knows those that it could give away. */
#include "base/inherited.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sock.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int given[INHERITED_MAX], own[INHERITED_MAX];
static size_t given_count, own_count;
static atomic_bool shared, is_expected;

/* False: it does not listen, and takes no datagrams. */
static bool socket_look(int fd, struct addr_port *at, bool *datagram)
{
	struct sockaddr_storage ss = {0};
	int type = 0, listens = 0;
	socklen_t bytes = sizeof ss, int_bytes = sizeof type;

	if (getsockname(fd, (struct sockaddr *)&ss, &bytes) != 0 ||
	    (ss.ss_family != AF_INET && ss.ss_family != AF_INET6) ||
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &int_bytes) != 0)
		return false;
	int_bytes = sizeof listens;
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_bytes);
	at->port = sock_parse(&at->addr, &ss);
	*datagram = type == SOCK_DGRAM;
	return at->port != 0 && (*datagram || (type == SOCK_STREAM && listens != 0));
}

void inherited_add(int fd)
{
	struct addr_port at;
	bool datagram;

	pthread_mutex_lock(&lock);
	if (given_count < INHERITED_MAX && socket_look(fd, &at, &datagram))
		given[given_count++] = fd;
	else
		close(fd);
	pthread_mutex_unlock(&lock);
}

int inherited_take(const struct addr_port *wanted, bool wanted_datagram)
{
	struct addr_port at;
	bool datagram;
	int fd = -1;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < given_count && fd < 0; i++)
		if (socket_look(given[i], &at, &datagram) && datagram == wanted_datagram && at.port == wanted->port &&
		    addr_equal(&at.addr, &wanted->addr)) {
			fd = given[i];
			given[i] = given[--given_count];
		}
	pthread_mutex_unlock(&lock);
	return fd;
}

void inherited_close(void)
{
	pthread_mutex_lock(&lock);
	while (given_count > 0)
		close(given[--given_count]);
	pthread_mutex_unlock(&lock);
}

void inherited_set_expected(bool expected)
{
	atomic_store(&is_expected, expected);
}

bool inherited_is_expected(void)
{
	return atomic_load(&is_expected);
}

static bool is_noted(int fd)
{
	for (size_t i = 0; i < own_count; i++)
		if (own[i] == fd)
			return true;
	return false;
}

/* Numbers that are another thing by now make room. */
static void own_sweep(void)
{
	struct addr_port at;
	bool datagram;
	size_t kept = 0;

	for (size_t i = 0; i < own_count; i++)
		if (socket_look(own[i], &at, &datagram))
			own[kept++] = own[i];
	own_count = kept;
}

void inherited_note(int fd)
{
	pthread_mutex_lock(&lock);
	if (own_count == INHERITED_MAX)
		own_sweep();
	if (own_count < INHERITED_MAX && !is_noted(fd))
		own[own_count++] = fd;
	pthread_mutex_unlock(&lock);
}

size_t inherited_copies(int *fds, size_t room)
{
	size_t count = 0;
	int copy;

	pthread_mutex_lock(&lock);
	own_sweep();
	for (size_t i = 0; i < own_count && count < room; i++)
		if ((copy = fcntl(own[i], F_DUPFD_CLOEXEC, 0)) >= 0)
			fds[count++] = copy;
	pthread_mutex_unlock(&lock);
	return count;
}

void inherited_set_shared(void)
{
	atomic_store(&shared, true);
}

bool inherited_is_shared(void)
{
	return atomic_load(&shared);
}
