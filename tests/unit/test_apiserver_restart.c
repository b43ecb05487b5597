/*
 * How soon the API server source is in sync after a server restarted: the whole source but for libcurl, in simulated
 * time (simulated_time.h). fetch_* are the model of a server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ev.h>

#include "base/clock.h"
#include "base/log.h"
#include "restart_server.h"
#include "stderrlines.h"

static void upsert(void *ctx, struct object *o)
{
	(void)ctx;
	object_free(o);
}

static void named(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	(void)ctx;
	(void)kind;
	(void)ns;
	(void)name;
}

static void list_begun(void *ctx, enum object_kind kind)
{
	(void)ctx;
	(void)kind;
}

static void list_ended(void *ctx, enum object_kind kind)
{
	(void)ctx;
	listed |= 1U << kind;
}

static void nothing(void *ctx)
{
	(void)ctx;
}

#define KINDS(proxy_only) ((proxy_only) ? 4U : 6U)

static unsigned kinds_listed(void)
{
	return (unsigned)__builtin_popcount(listed);
}

static void run_until(struct ev_loop *loop, uint64_t end_ms, unsigned kinds)
{
	while (clock_ms() < end_ms && (kinds == 0 || kinds_listed() < kinds))
		ev_run(loop, EVRUN_ONCE);
}

/* The server is gone: its watches end, by its own hand or not. */
static void watches_end(struct ev_loop *loop, struct fetch *f, bool whole)
{
	struct fetch_request *r = f->requests;

	while (r != NULL) {
		while (r != NULL && !r->streams)
			r = r->next;
		if (r == NULL)
			return;
		request_end(r, (struct fetch_end){.status = 200, .whole = whole, .error = whole ? "" : "reset"});
		ev_run(loop, EVRUN_NOWAIT);
		r = f->requests;
	}
}

struct figures {
	uint64_t late_ms;
	unsigned requests;
};

/* One restart; how long after the server was ready everything was listed again, and the requests until then. */
static struct figures restart(struct server next, unsigned outage_s, unsigned start_s, bool proxy_only, bool whole)
{
	const struct apiserver_config config = {
		.loop = ev_default_loop(0),
		.sink = {NULL, upsert, named, named, list_begun, list_ended, nothing, nothing},
		.node_name = "node-a",
		.proxy_only = proxy_only,
	};
	struct credentials credentials = {0};
	char error[ERROR_BYTES];

	server = (struct server){0};
	listed = 0;
	credentials_set(&credentials.server, "http://10.0.0.1");
	struct apiserver *a = apiserver_new(&config, &credentials, error);
	run_until(config.loop, clock_ms() + 5000, KINDS(proxy_only));
	run_until(config.loop, clock_ms() + 5000, 0);
	next.up_ms = clock_ms() + outage_s * 1000ULL;
	next.ready_ms = next.up_ms + start_s * 1000ULL;
	server = next;
	requests_made = 0;
	watches_end(config.loop, &the_fetch, whole);
	listed = 0;
	run_until(config.loop, next.ready_ms + 100000, KINDS(proxy_only));
	assert_int_equal(kinds_listed(), KINDS(proxy_only));
	struct figures f = {clock_ms() > next.ready_ms ? clock_ms() - next.ready_ms : 0, requests_made};
	apiserver_free(a);
	return f;
}

static const unsigned outages_s[] = {10, 60, 600};

/* The worst of many restarts of one sort. */
static struct figures worst(enum absence absence, enum start start, unsigned outage_s, unsigned start_s)
{
	struct stderr_lines lines = stderr_lines_begin();
	struct figures bad = {0};

	for (unsigned i = 0; i < RESTARTS; i++) {
		simulated_ns += 7777777; /* seeds the jitter too */
		const struct server next = {.absence = absence, .start = start};
		struct figures f = restart(next, outage_s, start_s, i % 2 != 0, (i / 2) % 2 != 0);
		bad.late_ms = f.late_ms > bad.late_ms ? f.late_ms : bad.late_ms;
		bad.requests = f.requests > bad.requests ? f.requests : bad.requests;
	}
	assert_in_range(stderr_lines_end(&lines), RESTARTS, RESTARTS * 13); /* one for the silence, a few a kind */
	return bad;
}

static void in_sync(const char *what, enum absence absence, enum start start, unsigned start_s)
{
	for (size_t i = 0; i < sizeof outages_s / sizeof *outages_s; i++) {
		struct figures f = worst(absence, start, outages_s[i], start_s);
		print_message("%-22s %3u s away, starts for %2u s: in sync after %4u ms at worst, %3u requests\n", what,
			      outages_s[i], start_s, (unsigned)f.late_ms, f.requests);
		assert_in_range(f.late_ms, 1, IN_SYNC_MS);
		/* one in 0.6 s or more, and a few of each kind at both ends */
		assert_in_range(f.requests, 1, (outages_s[i] + start_s) * 5 / 3 + 30);
	}
}

static void refuses_then_serves(void **state)
{
	(void)state;
	in_sync("refuses connections", REFUSES, AT_ONCE, 0);
}

static void loses_syns_then_serves(void **state)
{
	(void)state;
	in_sync("loses SYNs", LOSES_SYNS, AT_ONCE, 0);
}

static void starts_with_503(void **state)
{
	(void)state;
	in_sync("503 while it starts", REFUSES, SAYS_503, 5);
	in_sync("503 while it starts", LOSES_SYNS, SAYS_503, 20);
}

static void starts_with_429(void **state)
{
	(void)state;
	in_sync("429 while it starts", REFUSES, SAYS_429, 5);
	in_sync("429 while it starts", REFUSES, SAYS_429, 20);
}

/* The rules of RBAC are read after the server listens. */
static void starts_with_403(void **state)
{
	(void)state;
	in_sync("403 while it starts", REFUSES, SAYS_403, 5);
}

static void caches_not_ready(void **state)
{
	(void)state;
	in_sync("429 for cold caches", REFUSES, CACHES_429, 5);
	in_sync("cold caches hang", REFUSES, CACHES_HANG, 5);
}

static void lists_cut(void **state)
{
	(void)state;
	in_sync("first lists are cut", REFUSES, LISTS_CUT, 0);
	in_sync("first lists are cut", LOSES_SYNS, LISTS_CUT, 0);
}

/*
 * Served for a moment, all kinds hurry; then it is gone again, and attempts fail whose retry is due by then. The model
 * of the server refuses a second request of a kind.
 */
static void one_request_of_a_kind_at_a_time(void **state)
{
	struct stderr_lines lines = stderr_lines_begin();

	(void)state;
	for (unsigned i = 0; i < RESTARTS; i++) {
		const struct server next = {.absence = FLAPS};
		simulated_ns += 7777777;
		restart(next, 60, 0, i % 2 != 0, true);
	}
	stderr_lines_end(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_then_serves), cmocka_unit_test(loses_syns_then_serves),
		cmocka_unit_test(starts_with_503),     cmocka_unit_test(starts_with_429),
		cmocka_unit_test(starts_with_403),     cmocka_unit_test(caches_not_ready),
		cmocka_unit_test(lists_cut),	       cmocka_unit_test(one_request_of_a_kind_at_a_time),
	};

	log_set_level(LOG_WARN);
	simulated = true;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
