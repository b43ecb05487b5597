/* Follows the addresses of host names. */
#include "dns/forward/host_names.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "dns/forward/exchange.h"

#define QUERIES 2   /* A and AAAA */
#define BUSY_MAX 32 /* names that are asked for at once */
#define REPLY_S 5.  /* the server gives up sooner */
#define TTL_MIN_S 1.
#define NEGATIVE_MIN_S 5. /* of NXDOMAIN and NODATA: some servers say nothing of how long they hold */
#define TTL_MAX_S 3600.
#define RETRY_S .5 /* doubled with each failure, up to: */
#define RETRY_MAX_S 60.

enum verdict { UNKNOWN, FOUND, NONE, NO_SUCH_NAME, REFUSED, FAILED };

struct host;

struct host_query {
	struct exchange exchange;
	struct question asked;
	struct host *host;
	bool running;
	enum verdict verdict;
	uint32_t ttl_s;
	size_t count;
	struct addr addrs[HOST_NAME_ADDRS_MAX];
};

struct host {
	struct host_names *names;
	size_t wanted;
	struct host_query queries[QUERIES];
	ev_timer timer; /* the next question, or the end of waiting for a reply */
	bool asking;
	unsigned failures; /* in a row */
	size_t count;
	struct addr addrs[QUERIES * HOST_NAME_ADDRS_MAX];
	const char *why;
	char name[];
};

struct host_names {
	struct ev_loop *loop;
	struct upstream server;
	void (*changed)(void *ctx, const char *host);
	void *ctx;
	struct map hosts;
	size_t busy;
};

static struct message reply; /* the main thread's */

/* ---- what was said ---- */

static void records_take(struct host_query *q)
{
	const uint16_t type = q->asked.type;
	const size_t bytes = type == TYPE_A ? 4 : 16;

	q->count = 0;
	for (size_t i = 0; i < reply.records.answers && q->count < HOST_NAME_ADDRS_MAX; i++) {
		const uint8_t *ttl = reply.records.bytes + reply.records.ttl_at[i];
		if (wire_get16(ttl - 4) != type || wire_get16(ttl + 4) != bytes)
			continue;
		struct addr *a = &q->addrs[q->count++];
		*a = (struct addr){.family = type == TYPE_A ? AF_INET : AF_INET6};
		memcpy(a->bytes, ttl + 6, bytes);
	}
}

static void reply_take(struct host_query *q)
{
	q->ttl_s = reply.ttl_s;
	if (reply.rcode == RCODE_NXDOMAIN)
		q->verdict = NO_SUCH_NAME;
	else if (reply.rcode != RCODE_NOERROR)
		q->verdict = reply.rcode == RCODE_REFUSED ? REFUSED : FAILED;
	else
		records_take(q);
	if (reply.rcode == RCODE_NOERROR)
		q->verdict = q->count != 0 ? FOUND : NONE;
}

static const char *why_of(const struct host *h)
{
	const enum verdict a = h->queries[0].verdict, aaaa = h->queries[1].verdict;

	if (a == FOUND || aaaa == FOUND)
		return NULL;
	if (a == FAILED || aaaa == FAILED)
		return "the DNS server has no answer (SERVFAIL, or none in time)";
	if (a == REFUSED)
		return "the DNS server asks no upstream server for it (see --forward)";
	return a == NO_SUCH_NAME ? "no such name" : "the name has no address";
}

/* They keep what is known. */
static bool is_unsure(const struct host *h)
{
	for (int i = 0; i < QUERIES; i++)
		if (h->queries[i].verdict == FAILED || h->queries[i].verdict == REFUSED)
			return true;
	return false;
}

static int by_addr(const void *a, const void *b)
{
	return addr_compare(a, b);
}

/* Sorted: the server rotates them. */
static bool addrs_replace(struct host *h)
{
	struct addr now[QUERIES * HOST_NAME_ADDRS_MAX] = {{0}};
	size_t count = 0;

	for (int i = 0; i < QUERIES; i++)
		for (size_t k = 0; k < h->queries[i].count; k++)
			now[count++] = h->queries[i].addrs[k];
	qsort(now, count, sizeof *now, by_addr);
	if (count == h->count && memcmp(now, h->addrs, count * sizeof *now) == 0)
		return false;
	memcpy(h->addrs, now, sizeof now);
	h->count = count;
	return true;
}

static double wait_s(const struct host *h)
{
	double s = TTL_MAX_S;

	if (is_unsure(h)) {
		s = RETRY_S * (double)(1U << (h->failures < 6 ? h->failures : 6));
		return s < RETRY_MAX_S ? s : RETRY_MAX_S;
	}
	for (int i = 0; i < QUERIES; i++) {
		const struct host_query *q = &h->queries[i];
		const double least = q->verdict == FOUND ? TTL_MIN_S : NEGATIVE_MIN_S, ttl = q->ttl_s;
		if (ttl < s)
			s = ttl > least ? ttl : least;
	}
	return s;
}

static void timer_set(struct host *h, double s)
{
	ev_timer_stop(h->names->loop, &h->timer);
	ev_timer_set(&h->timer, s, 0.);
	ev_timer_start(h->names->loop, &h->timer);
}

static void finish(struct host *h)
{
	const bool unsure = is_unsure(h);
	bool changed = !unsure && addrs_replace(h);

	h->asking = false;
	h->names->busy--;
	h->failures = !unsure ? 0 : h->failures < 16 ? h->failures + 1 : h->failures;
	if (h->failures != 1) { /* one is no news: the server may have started just now */
		const char *why = why_of(h);
		changed = changed || why != h->why;
		h->why = why;
	}
	timer_set(h, wait_s(h));
	if (changed)
		h->names->changed(h->names->ctx, h->name);
}

/* ---- asking ---- */

static void query_end(struct host_query *q)
{
	struct host *h = q->host;

	exchange_stop(&q->exchange);
	q->running = false;
	if (h->asking && !h->queries[0].running && !h->queries[1].running)
		finish(h);
}

static bool on_reply(struct exchange *x, const uint8_t *message, size_t length)
{
	struct host_query *q = (struct host_query *)(void *)((char *)x - offsetof(struct host_query, exchange));

	if (message != NULL && (length < WIRE_HEADER_BYTES || wire_get16(message) != x->id ||
				message_read(&reply, message, length, &q->asked, false) != MESSAGE_OK))
		return false;
	if (message == NULL)
		q->verdict = FAILED;
	else
		reply_take(q);
	query_end(q);
	return true;
}

static void query_start(struct host_query *q)
{
	q->verdict = FAILED;
	q->ttl_s = 0;
	q->count = 0;
	exchange_fill(&q->exchange, &q->asked, true, NULL);
	q->running = exchange_start(&q->exchange, &q->host->names->server, false);
}

static void ask(struct host *h)
{
	if (h->names->busy == BUSY_MAX) {
		timer_set(h, .1);
		return;
	}
	h->asking = true;
	h->names->busy++;
	timer_set(h, REPLY_S);
	for (int i = 0; i < QUERIES; i++)
		query_start(&h->queries[i]);
	if (!h->queries[0].running && !h->queries[1].running)
		finish(h);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	struct host *h = w->data;

	(void)loop, (void)events;
	if (!h->asking) {
		ask(h);
		return;
	}
	for (int i = 0; i < QUERIES && h->asking; i++)
		if (h->queries[i].running)
			query_end(&h->queries[i]);
}

/* ---- which ---- */

static void query_init(struct host *h, struct host_query *q, uint16_t type)
{
	q->host = h;
	q->asked.type = type;
	q->asked.length = name_encode(q->asked.bytes, h->name);
	wire_put16(q->asked.bytes + q->asked.length, type);
	wire_put16(q->asked.bytes + q->asked.length + 2, CLASS_IN);
	q->asked.length += 4;
	exchange_init(&q->exchange, h->names->loop, on_reply);
}

static struct host *host_new(struct host_names *names, const char *name)
{
	const size_t bytes = strlen(name) + 1;
	struct host *h = mem_alloc(sizeof *h + bytes);

	h->names = names;
	memcpy(h->name, name, bytes);
	query_init(h, &h->queries[0], TYPE_A);
	query_init(h, &h->queries[1], TYPE_AAAA);
	ev_init(&h->timer, on_timer);
	h->timer.data = h;
	map_put_str(&names->hosts, h->name, h);
	timer_set(h, 0.);
	return h;
}

static void host_free(struct host *h)
{
	h->names->busy -= h->asking;
	h->asking = false;
	ev_timer_stop(h->names->loop, &h->timer);
	for (int i = 0; i < QUERIES; i++)
		exchange_stop(&h->queries[i].exchange);
	free(h);
}

void host_names_want(struct host_names *h, const char *host, bool wanted)
{
	struct host *known = map_get_str(&h->hosts, host);

	if (known == NULL && wanted && map_count(&h->hosts) < HOST_NAMES_MAX)
		known = host_new(h, host);
	if (known == NULL)
		return;
	known->wanted += wanted ? 1 : (size_t)-1;
	if (known->wanted != 0)
		return;
	map_del_str(&h->hosts, host);
	host_free(known);
}

const struct addr *host_names_addrs(struct host_names *h, const char *host, size_t *count, const char **why)
{
	const struct host *known = map_get_str(&h->hosts, host);

	*count = known != NULL ? known->count : 0;
	*why = known != NULL ? known->why : "more than 1000 host names";
	return known != NULL ? known->addrs : NULL;
}

struct host_names *host_names_new(struct ev_loop *loop, const struct addr_port *server,
				  void (*changed)(void *ctx, const char *host), void *ctx)
{
	struct host_names *h = mem_alloc(sizeof *h);

	h->loop = loop;
	h->server.to.at = *server;
	h->changed = changed;
	h->ctx = ctx;
	return h;
}

void host_names_free(struct host_names *h)
{
	struct host *host;
	size_t at = 0;

	if (h == NULL)
		return;
	while ((host = map_next(&h->hosts, &at)) != NULL)
		host_free(host);
	map_fini(&h->hosts);
	free(h);
}
