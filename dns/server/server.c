#include "dns/server/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/sock.h"
#include "dns/forward/forward.h"
#include "dns/server/query_log.h"
#include "dns/server/tcp.h"
#include "dns/server/udp.h"

#define RECEIVE_BUFFER_BYTES (4 * 1024 * 1024) /* a burst of all pods of a node */
#define TCP_BACKLOG 512

struct server {
	struct respond_config config;
	size_t udp_count;
	struct udp **udp;
	struct tcp *tcp;
};

static void option_on(int fd, int level, int option)
{
	if (setsockopt(fd, level, option, &(int){1}, sizeof(int)) != 0)
		log_warn("dns: socket option %d/%d: %s", level, option, strerror(errno));
}

static void udp_options(int fd, const struct addr *a)
{
	int bytes = RECEIVE_BUFFER_BYTES;

	option_on(fd, SOL_SOCKET, SO_REUSEPORT);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); /* as much as we may have */
	if (addr_is_wildcard(a) && a->family == AF_INET)
		option_on(fd, IPPROTO_IP, IP_PKTINFO);
	if (addr_is_wildcard(a) && a->family == AF_INET6)
		option_on(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO);
}

/* A bound socket, -1 with errno when it cannot be had. */
static int open_bound(const struct server_listen *l, int type)
{
	struct sockaddr_storage to;
	socklen_t to_bytes = sock_address(&to, &l->addr, l->port);
	int fd = socket(l->addr.family, type | SOCK_CLOEXEC | (type == SOCK_STREAM ? SOCK_NONBLOCK : 0), 0);

	if (fd < 0)
		return -1;
	if (l->addr.family == AF_INET6)
		option_on(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (type == SOCK_DGRAM)
		udp_options(fd, &l->addr);
	else
		option_on(fd, SOL_SOCKET, SO_REUSEADDR);
	if (bind(fd, (struct sockaddr *)&to, to_bytes) == 0 && (type == SOCK_DGRAM || listen(fd, TCP_BACKLOG) == 0))
		return fd;
	int failure = errno;
	close(fd);
	errno = failure;
	return -1;
}

/* Sockets in order: the UDP ones of every address, then one for TCP per address. */
static bool open_all(const struct server_config *c, int *fds, const char **error)
{
	static char line[ADDR_PORT_TEXT_BYTES + 128];
	size_t udp_count = c->listen_count * c->workers;

	for (size_t i = 0; i < udp_count + c->listen_count; i++) {
		const struct server_listen *l = &c->listen[i < udp_count ? i / c->workers : i - udp_count];
		char text[ADDR_PORT_TEXT_BYTES];
		fds[i] = open_bound(l, i < udp_count ? SOCK_DGRAM : SOCK_STREAM);
		if (fds[i] >= 0)
			continue;
		snprintf(line, sizeof line, "dns: cannot listen on %s %s: %s", i < udp_count ? "UDP" : "TCP",
			 addr_port_format(&l->addr, l->port, text), strerror(errno));
		*error = line;
		while (i > 0)
			close(fds[--i]);
		return false;
	}
	return true;
}

static void config_make(struct respond_config *to, const struct server_config *from)
{
	to->zone = from->zone;
	to->clients = from->clients;
	to->fixed_order = from->fixed_order;
	to->version = from->version;
	to->identity = from->identity;
	to->transfer = from->transfer;
	to->transfer_count = from->transfer_count;
	to->edns.tcp_idle_ms = TCP_IDLE_MS;
	if (from->nsid != NULL)
		snprintf(to->edns.nsid, sizeof to->edns.nsid, "%s", from->nsid);
	if (getrandom(to->edns.cookie_key, sizeof to->edns.cookie_key, 0) != sizeof to->edns.cookie_key)
		fatal("dns: no random bytes");
}

/* False: the suffix is bad. */
static bool log_make(struct querylog **log, const struct server_config *c, const char **error)
{
	static char line[NAME_TEXT_BYTES];

	if (c->log_every == 0)
		return true;
	*log = querylog_new(&(struct querylog_config){.every = c->log_every, .suffix = c->log_suffix, .zone = c->zone});
	snprintf(line, sizeof line, "query log: \"%s\" is not a domain name", *log == NULL ? c->log_suffix : "");
	*error = line;
	return *log != NULL;
}

static struct forward *forward_make(const struct server *s, const struct server_config *c)
{
	const struct forward_config forward = {
		.plan = c->forward,
		.timeout_ms = c->forward_timeout_ms,
		.cache = c->cache,
		.edns = &s->config.edns,
	};

	return forward_new(&forward);
}

struct server *server_start(const struct server_config *config, const char **error)
{
	size_t udp_count = config->listen_count * config->workers;
	int *fds = mem_array(udp_count + config->listen_count, sizeof *fds);

	struct querylog *log = NULL;

	if (!log_make(&log, config, error) || !open_all(config, fds, error)) {
		querylog_free(log);
		free(fds);
		return NULL;
	}
	struct server *s = mem_alloc(sizeof *s);
	config_make(&s->config, config);
	s->config.log = log;
	if (config->forward != NULL)
		s->config.forward = forward_make(s, config);
	s->udp_count = udp_count;
	s->udp = mem_array(udp_count, sizeof *s->udp);
	for (size_t i = 0; i < udp_count; i++)
		s->udp[i] = udp_start(fds[i], addr_is_wildcard(&config->listen[i / config->workers].addr), &s->config);
	s->tcp = tcp_start(fds + udp_count, config->listen_count, &s->config);
	if (s->config.forward != NULL)
		forward_start(s->config.forward);
	if (log != NULL)
		querylog_start(log);
	free(fds);
	return s;
}

void server_stop(struct server *s)
{
	if (s == NULL)
		return;
	forward_stop(s->config.forward); /* it uses the sockets */
	for (size_t i = 0; i < s->udp_count; i++)
		udp_stop(s->udp[i]);
	tcp_stop(s->tcp);
	forward_free(s->config.forward);
	querylog_free(s->config.log);
	free(s->udp);
	free(s);
}

/* ---- counters ---- */

static uint64_t read_count(const _Atomic uint64_t *c)
{
	return atomic_load_explicit((_Atomic uint64_t *)c, memory_order_relaxed);
}

static uint64_t sum_queries(const struct respond_counts *c, enum respond_proto proto)
{
	uint64_t sum = 0;

	for (unsigned family = 0; family < 2; family++) {
		for (unsigned type = 0; type < COUNT_TYPES; type++)
			sum += read_count(&c->queries[proto][family][type]);
	}
	return sum;
}

static void counts_add(struct server_counts *to, const struct respond_counts *c)
{
	to->queries += sum_queries(c, RESPOND_UDP) + sum_queries(c, RESPOND_TCP);
	to->nodata += read_count(&c->nodata);
	to->nxdomain += read_count(&c->replies[RCODE_NXDOMAIN]);
}

static void add_to(void *ctx, const struct respond_counts *counts)
{
	counts_add(ctx, counts);
}

void server_each_counts(const struct server *s, void (*each)(void *ctx, const struct respond_counts *counts), void *ctx)
{
	for (size_t i = 0; i < s->udp_count; i++)
		each(ctx, udp_counts(s->udp[i]));
	each(ctx, tcp_counts(s->tcp));
	if (s->config.forward != NULL)
		each(ctx, &forward_counts(s->config.forward)->later);
}

struct forward *server_forward(const struct server *s)
{
	return s->config.forward;
}

void server_counts(const struct server *s, struct server_counts *out)
{
	*out = (struct server_counts){0};
	server_each_counts(s, add_to, out);
}
