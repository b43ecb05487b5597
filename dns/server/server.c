/* Starts and stops the threads of the DNS server and sums their counts. */
#include "dns/server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "dns/forward/forward.h"
#include "dns/server/bindings.h"
#include "dns/answer/query_log.h"
#include "dns/server/tcp.h"
#include "dns/server/tcp_conn.h"
#include "dns/server/udp.h"

struct server {
	struct respond_config config;
	struct bindings *bindings;
	unsigned workers;
	size_t udp_count;
	struct udp **udp; /* the workers of each address */
	struct tcp *tcp;
};

static void config_make(struct respond_config *to, const struct server_config *from)
{
	to->zone = from->zone;
	to->clients = from->clients;
	to->fixed_order = from->fixed_order;
	to->debug_names = from->debug_names;
	to->autopath = from->autopath;
	to->version = from->version;
	to->identity = from->identity;
	to->transfer = from->transfer;
	to->transfer_count = from->transfer_count;
	to->edns.tcp_idle_ms = TCP_IDLE_MS;
	if (from->nsid != NULL)
		snprintf(to->edns.nsid, sizeof to->edns.nsid, "%s", from->nsid);
	random_fill(to->edns.cookie_key, sizeof to->edns.cookie_key);
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
		.log = s->config.log,
	};

	return forward_new(&forward);
}

static void on_bound(void *ctx, int fd, size_t at, bool tcp, unsigned worker)
{
	struct server *s = ctx;

	if (tcp)
		tcp_listen(s->tcp, at, fd);
	else
		udp_start(s->udp[at * s->workers + worker], fd);
}

static bool is_wildcard(const struct server_config *c, size_t place)
{
	return place < c->listen_count && addr_is_wildcard(&c->listen[place].addr);
}

/* Threads are there from the start; a UDP worker's waits for its socket. */
static struct server *server_make(const struct server_config *config, struct querylog *log)
{
	struct server *s = mem_alloc(sizeof *s);
	const size_t places = config->listen_count + config->extra_max;
	const struct bindings_config bindings = {.addrs = config->listen,
						 .count = config->listen_count,
						 .extra = config->extra_max,
						 .workers = config->workers,
						 .bound = on_bound,
						 .ctx = s};

	config_make(&s->config, config);
	s->config.log = log;
	if (config->forward != NULL)
		s->config.forward = forward_make(s, config);
	s->bindings = bindings_new(&bindings);
	s->workers = config->workers;
	s->udp_count = places * config->workers;
	s->udp = mem_array(s->udp_count, sizeof *s->udp);
	for (size_t i = 0; i < s->udp_count; i++)
		s->udp[i] = udp_new(is_wildcard(config, i / config->workers), &s->config);
	s->tcp = tcp_start(places, &s->config);
	if (log != NULL)
		querylog_start(log);
	return s;
}

struct server *server_start(const struct server_config *config, const char **error)
{
	struct querylog *log = NULL;

	if (!log_make(&log, config, error))
		return NULL;
	struct server *s = server_make(config, log);
	const char *hopeless = bindings_try(s->bindings);
	if (s->config.forward != NULL) /* what it asks first may come back here: a loop */
		forward_start(s->config.forward);
	if (hopeless == NULL)
		return s;
	*error = hopeless;
	server_stop(s);
	return NULL;
}

void server_retry(struct server *s)
{
	bindings_try(s->bindings);
}

void server_extra_set(struct server *s, const struct addr_port *addrs, size_t count)
{
	bindings_extra_set(s->bindings, addrs, count);
	bindings_try(s->bindings);
}

const char *server_extra_reason(const struct server *s, const struct addr_port *at)
{
	return bindings_extra_reason(s->bindings, at);
}

bool server_is_alive(struct server *s)
{
	bool alive = tcp_is_alive(s->tcp);

	for (size_t i = 0; i < s->udp_count; i++)
		alive &= udp_is_alive(s->udp[i]);
	return alive;
}

bool server_bound(const struct server *s)
{
	return bindings_complete(s->bindings);
}

const struct binding_problem *server_problems(const struct server *s, size_t *count)
{
	return bindings_problems(s->bindings, count);
}

static bool is_drained(const struct server *s)
{
	for (size_t i = 0; i < s->udp_count; i++)
		if (!udp_is_drained(s->udp[i]))
			return false;
	return true;
}

void server_drain(const struct server *s, unsigned limit_ms)
{
	const uint64_t end_ms = clock_ms() + limit_ms;
	const struct timespec pause = {.tv_nsec = 1000000};

	while (!is_drained(s) && clock_ms() < end_ms)
		nanosleep(&pause, NULL);
}

void server_leave(struct server *s)
{
	tcp_leave(s->tcp);
	for (size_t i = 0; i < s->udp_count; i++)
		udp_leave(s->udp[i]);
}

bool server_has_left(const struct server *s)
{
	return tcp_is_idle(s->tcp) && (s->config.forward == NULL || forward_is_idle(s->config.forward));
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
	bindings_free(s->bindings);
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
