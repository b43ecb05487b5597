/*
 * An API server that is away, starts and serves again, in simulated time: include
 * after <cmocka.h> and <ev.h>, in one file of a test program.
 */
#ifndef TESTS_RESTART_SERVER_H
#define TESTS_RESTART_SERVER_H

#include "tests/unit/fake_fetch.h"
#include "watch/api/apiserver.h"

#define IN_SYNC_MS 2000
#define LISTENS_MS 1 /* how long a refused connection, and an answer, take */
#define LIST_MS 20
#define RESTARTS 40U

/* Where a server is that cannot be reached. FLAPS: one connection in so many reaches it, and is cut; others lose SYNs.
 */
#define FLAPS_EVERY 7U
enum absence { REFUSES, LOSES_SYNS, FLAPS };
/* What one that starts says before it serves. */
enum start { AT_ONCE, SAYS_503, SAYS_429, SAYS_403, CACHES_429, CACHES_HANG, LISTS_CUT };

static struct server {
	enum absence absence;
	enum start start;
	uint64_t up_ms;	   /* answers from here on; UINT64_MAX: it does not */
	uint64_t ready_ms; /* serves from here on */
	bool cut[OBJECT_KINDS];
} server;

static unsigned requests_made, listed;
static const char *const plurals[] = {"services", "endpointslices", "nodes", "servicecidrs", "namespaces", "pods"};

static size_t kind_of(const struct fetch_request *r)
{
	for (size_t i = 0; i < sizeof plurals / sizeof *plurals; i++)
		if (strstr(r->url, plurals[i]) != NULL)
			return i;
	fail_msg("%s", r->url);
	return 0;
}

/* A SYN is sent at 0, 1, 3, 7 s (kernels before 6.5): the next of them, or the time limit of the connection. */
static void connect_step(struct fetch_request *r)
{
	uint64_t age_ms = clock_ms() - r->begin_ms, next_ms = 0;

	if (server.absence == REFUSES || age_ms >= r->limit_ms) {
		request_end(r, (struct fetch_end){.error = "no connection"});
		return;
	}
	for (uint64_t at_ms = 1000; next_ms == 0; at_ms = at_ms * 2 + 1000)
		if (at_ms > age_ms)
			next_ms = at_ms;
	step_later(r, (next_ms < r->limit_ms ? next_ms : r->limit_ms) - age_ms);
}

static bool told(struct fetch_request *r, const char *text)
{
	return r->handler.data(r->handler.ctx, 200, text, strlen(text));
}

/* An empty list, as a stream that goes on as a watch. */
static void list_serve(struct fetch_request *r)
{
	bool *cut = &server.cut[kind_of(r)];

	r->handler.answered(r->handler.ctx, 200);
	told(r, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",");
	if (server.start == LISTS_CUT && !*cut) {
		*cut = true;
		request_end(r, (struct fetch_end){.status = 200, .error = "cut"});
		return;
	}
	told(r, "\"namespace\":\"b\",\"resourceVersion\":\"5\"}}}\n");
	told(r, "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"50\","
		"\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}\n");
	r->streams = true;
}

static void refuse(struct fetch_request *r, int status, uint32_t retry_after_ms)
{
	r->handler.answered(r->handler.ctx, status);
	request_end(r, (struct fetch_end){.status = status, .whole = true, .retry_after_ms = retry_after_ms});
}

static void cut(struct fetch_request *r)
{
	r->handler.answered(r->handler.ctx, 200);
	told(r, "{\"type\":\"ADDED\",");
	request_end(r, (struct fetch_end){.status = 200, .error = "cut"});
}

/* What a server says that is up and does not serve this kind yet: true. */
static bool starting(struct fetch_request *r)
{
	bool caches = server.start == CACHES_429 || server.start == CACHES_HANG;

	if (clock_ms() >= server.ready_ms || (caches && kind_of(r) % 2 == 0))
		return false;
	if (server.start == SAYS_503)
		refuse(r, 503, 0);
	else if (server.start == SAYS_403)
		refuse(r, 403, 0);
	else if (server.start == CACHES_HANG)
		step_later(r, server.ready_ms - clock_ms());
	else
		refuse(r, 429, 1000);
	return true;
}

static void request_step(struct fetch_request *r)
{
	if (server.absence == FLAPS && clock_ms() < server.up_ms && r->number % FLAPS_EVERY == 0) {
		cut(r);
		return;
	}
	if (!r->connected && (clock_ms() < server.up_ms || clock_ms() - r->begin_ms >= r->limit_ms)) {
		connect_step(r);
		return;
	}
	if (!r->connected) {
		r->connected = true;
		step_later(r, LIST_MS);
	} else if (!starting(r)) {
		if (strstr(r->url, "sendInitialEvents") != NULL)
			list_serve(r);
		else
			refuse(r, 410, 0);
	}
}

static uint64_t request_begins(struct fetch_request *r)
{
	r->number = requests_made++;
	for (const struct fetch_request *other = r->next; other != NULL; other = other->next)
		assert_int_not_equal(kind_of(other), kind_of(r)); /* one request of a kind at a time */
	return server.absence != REFUSES && r->begin_ms < server.up_ms ? 0 : LISTENS_MS;
}

#endif
