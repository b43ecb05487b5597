/* Binds the sockets of the DNS server and retries those in use. */
#include "dns/server/bindings.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/inherited.h"
#include "base/listener.h"
#include "base/log.h"
#include "base/mem.h"

#define RECEIVE_BUFFER_BYTES (4 * 1024 * 1024) /* a burst of all pods of a node */

struct binding {
	struct addr_port at;
	unsigned bound; /* sockets: the one for TCP, then one for each worker */
	int error;	/* of the last try */
	bool absent;	/* the host does not have the address */
	bool extra;	/* came by bindings_extra_set; family 0: a free place */
	bool wanted;	/* extra: still in the list */
};

struct bindings {
	struct binding *items;
	size_t count, first_extra;
	unsigned workers;
	struct binding_problem *problems; /* at most one for each address */
	size_t problem_count;
	binding_fn *bound;
	void *ctx;
};

/* ---- one socket ---- */

static void option_on(int fd, int level, int option)
{
	if (setsockopt(fd, level, option, &(int){1}, sizeof(int)) != 0)
		log_warn("dns: socket option %d/%d: %s", level, option, strerror(errno));
}

/* The address may come later. */
static bool tcp_prepare(int fd)
{
	int family = AF_INET;
	socklen_t bytes = sizeof family;

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &bytes);
	if (family == AF_INET6)
		option_on(fd, IPPROTO_IPV6, IPV6_FREEBIND);
	else
		option_on(fd, IPPROTO_IP, IP_FREEBIND);
	return true;
}

static bool udp_prepare(int fd)
{
	int bytes = RECEIVE_BUFFER_BYTES;

	option_on(fd, SOL_SOCKET, SO_REUSEPORT);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); /* as much as we may have */
	return tcp_prepare(fd);
}

/* Its worker blocks in it, and replies from the asked address. */
static void udp_finish(int fd, const struct addr *a)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	if (addr_is_wildcard(a) && a->family == AF_INET)
		option_on(fd, IPPROTO_IP, IP_PKTINFO);
	if (addr_is_wildcard(a) && a->family == AF_INET6)
		option_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

static int open_bound(const struct addr_port *at, bool tcp)
{
	const struct listen_at to = {.at = *at, .datagram = !tcp, .prepare = tcp ? tcp_prepare : udp_prepare};
	int fd = listener_socket(&to);

	if (fd >= 0 && !tcp)
		udp_finish(fd, &at->addr);
	return fd;
}

/* The kernel takes it for an address of this host: a socket can be bound to it without IP_FREEBIND. */
static bool host_has(const struct addr *a)
{
	const struct listen_at any_port = {.at = {.addr = *a}, .datagram = true};
	int fd = listener_socket(&any_port);

	if (fd < 0)
		return errno != EADDRNOTAVAIL;
	close(fd);
	return true;
}

/* ---- all ---- */

struct bindings *bindings_new(const struct bindings_config *c)
{
	struct bindings *b = mem_alloc(sizeof *b);

	b->first_extra = c->count;
	b->count = c->count + c->extra;
	b->items = mem_array(b->count, sizeof *b->items);
	for (size_t i = 0; i < b->count; i++)
		b->items[i] = i < c->count ? (struct binding){.at = c->addrs[i]} : (struct binding){.extra = true};
	b->problems = mem_array(b->count, sizeof *b->problems);
	b->workers = c->workers;
	b->bound = c->bound;
	b->ctx = c->ctx;
	return b;
}

void bindings_free(struct bindings *b)
{
	if (b == NULL)
		return;
	free(b->items);
	free(b->problems);
	free(b);
}

static bool is_complete(const struct bindings *b, const struct binding *i)
{
	return i->bound == b->workers + 1;
}

/* What time cannot cure. */
static bool is_hopeless(int error)
{
	return error == EACCES || error == EPERM || error == EAFNOSUPPORT;
}

static const char *proto_text(const struct binding *i)
{
	return i->bound == 0 ? "TCP" : "UDP";
}

static void log_change(const struct binding *i, int before)
{
	char text[ADDR_PORT_TEXT_BYTES];

	addr_port_format(&i->at.addr, i->at.port, text);
	if (inherited_is_expected())
		return;
	if (i->error != 0 && i->error != before && !is_hopeless(i->error))
		log_warn("dns: cannot listen on %s %s: %s; retrying", proto_text(i), text, listener_reason(i->error));
	else if (i->error == 0 && before != 0)
		log_notice("dns: now listening on %s", text);
}

static void binding_try(const struct bindings *b, struct binding *i)
{
	const int before = i->error;

	i->error = 0;
	while (i->error == 0 && !is_complete(b, i)) {
		bool tcp = i->bound == 0;
		int fd = open_bound(&i->at, tcp);
		if (fd < 0) {
			i->error = errno;
			break;
		}
		b->bound(b->ctx, fd, (size_t)(i - b->items), tcp, tcp ? 0 : i->bound - 1);
		i->bound++;
	}
	log_change(i, before);
}

static bool same_place(const struct addr_port *a, const struct addr_port *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

/* Whose socket takes what comes for the address: its own, or that of a wildcard. */
static const struct binding *binding_of(const struct bindings *b, const struct addr_port *at)
{
	for (const struct binding *i = b->items; i < b->items + b->count; i++)
		if (same_place(&i->at, at) ||
		    (i->at.port == at->port && i->at.addr.family == at->addr.family && addr_is_wildcard(&i->at.addr)))
			return i;
	return NULL;
}

static struct binding *free_place(struct bindings *b)
{
	for (struct binding *i = b->items + b->first_extra; i < b->items + b->count; i++)
		if (!i->wanted)
			return i;
	return NULL;
}

void bindings_extra_set(struct bindings *b, const struct addr_port *addrs, size_t count)
{
	struct binding *place;

	for (struct binding *i = b->items + b->first_extra; i < b->items + b->count; i++) {
		i->wanted = false;
		for (size_t k = 0; k < count; k++)
			i->wanted = i->wanted || same_place(&i->at, &addrs[k]);
	}
	for (size_t k = 0; k < count; k++)
		if (binding_of(b, &addrs[k]) == NULL && (place = free_place(b)) != NULL)
			*place = (struct binding){.at = addrs[k], .extra = true, .wanted = true};
}

const char *bindings_extra_reason(const struct bindings *b, const struct addr_port *at)
{
	const struct binding *i = binding_of(b, at);

	if (i == NULL)
		return "more addresses than there is room for";
	if (is_complete(b, i))
		return NULL;
	return i->error != 0 ? listener_reason(i->error) : "not bound yet";
}

static void address_look(struct binding *i)
{
	char text[ADDR_TEXT_BYTES];
	bool absent = !host_has(&i->at.addr);

	if (absent && !i->absent)
		log_warn("dns: this host does not have the address %s; waiting for it", addr_format(&i->at.addr, text));
	else if (!absent && i->absent)
		log_notice("dns: the address %s is here now", addr_format(&i->at.addr, text));
	i->absent = absent;
}

static const char *hopeless_line(const struct binding *i)
{
	static char line[ADDR_PORT_TEXT_BYTES + 128];
	char text[ADDR_PORT_TEXT_BYTES];

	snprintf(line, sizeof line, "dns: cannot listen on %s %s: %s", proto_text(i),
		 addr_port_format(&i->at.addr, i->at.port, text), listener_reason(i->error));
	return line;
}

const char *bindings_try(struct bindings *b)
{
	const char *hopeless = NULL;

	b->problem_count = 0;
	for (struct binding *i = b->items; i < b->items + b->count; i++) {
		if (!is_complete(b, i) && i->at.addr.family != 0)
			binding_try(b, i);
		if (i->extra)
			continue;
		address_look(i);
		if (i->error != 0 || i->absent)
			b->problems[b->problem_count++] = (struct binding_problem){
				i->at, i->absent ? "this host does not have the address" : listener_reason(i->error)};
		if (hopeless == NULL && is_hopeless(i->error))
			hopeless = hopeless_line(i);
	}
	return hopeless;
}

bool bindings_complete(const struct bindings *b)
{
	for (size_t i = 0; i < b->first_extra; i++)
		if (!is_complete(b, &b->items[i]))
			return false;
	return true;
}

const struct binding_problem *bindings_problems(const struct bindings *b, size_t *count)
{
	*count = b->problem_count;
	return b->problems;
}
