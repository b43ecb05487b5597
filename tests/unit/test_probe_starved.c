/* A probe for which this machine has no descriptor says nothing of the endpoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "tests/unit/loop_until.h"
#include "watch/lab/probe_attempt.h"

struct outcome {
	bool ended, none;
	char why[PROBE_WHY_BYTES];
};

static void on_end(void *ctx, bool success, const char *why)
{
	struct outcome *o = ctx;

	o->ended = true;
	snprintf(o->why, sizeof o->why, "%s: %s", success ? "success" : "failure", why);
}

static void on_none(void *ctx, const char *why)
{
	struct outcome *o = ctx;

	o->none = true;
	snprintf(o->why, sizeof o->why, "%s", why);
}

/* It must not go: a flood that takes the descriptors would take the Services, too. */
static void no_descriptor_is_no_failure(void **state)
{
	const struct probe_object spec = {.action = PROBE_HTTP, .path = "/", .timeout_ms = 2000};
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct probe_curl *curl = probe_curl_new(loop);
	struct outcome http = {0}, grpc = {0}, tcp = {0};
	struct probe_request r = {.spec = &spec, .port = 9, .end = on_end, .none = on_none};
	struct rlimit before, none;

	(void)state;
	assert_true(addr_parse(&r.addr, "127.0.0.1"));
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r.ctx = &http;
	probe_http_start(curl, &r);
	r.ctx = &grpc;
	probe_grpc_start(curl, &r);
	r.ctx = &tcp;
	probe_tcp_start(loop, &r);
	LOOP_UNTIL(loop, (http.none || http.ended) && (grpc.none || grpc.ended) && (tcp.none || tcp.ended));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_string_equal(http.why, "Too many open files");
	assert_string_equal(grpc.why, "Too many open files");
	assert_string_equal(tcp.why, "Too many open files");
	assert_false(http.ended || grpc.ended || tcp.ended);
	probe_curl_free(curl);
	ev_loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_descriptor_is_no_failure)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
