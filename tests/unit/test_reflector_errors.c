/* What a reflector does about errors: when it asks again, for what, and what it gives up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/reflector_scene.h"

static void gone(void **state)
{
	(void)state;
	list_streamed();
	assert_int_equal(tell(ERROR("410")), REFLECTOR_GIVE_UP);
	assert_int_equal(done(&broken, 60000), REFLECTOR_EXPIRED);
	assert_int_equal(wait_ms, 0);
	list_streamed();
	assert_int_equal(done(&ended, 60000), REFLECTOR_GO_ON);
	assert_false(request("&resourceVersion=50", ""));
	status(410, REFLECTOR_EXPIRED);
	assert_int_equal(wait_ms, 0);
	/* A server that says it of every version: at most the usual pace. */
	list_streamed();
	done(&ended, 5);
	request("", "");
	status(410, REFLECTOR_EXPIRED);
	assert_true(wait_ms >= 200);
}

/* Whatever a server does at once and for ever, the sum of the waits grows: no busy loop. */
static void never_busy(void **state)
{
	static const int codes[] = {0, 200, 400, 401, 403, 404, 409, 410, 422, 429, 500, 502, 503, 504};

	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		uint64_t sum_ms = 0;
		reflector_fini(&r);
		reflector_init(&r, &services, i);
		for (int n = 0; n < 20; n++) {
			struct reflector_outcome o = {.status = codes[i], .whole = true};
			struct buf url = {0};
			reflector_request(&r, now_ms, &url);
			if (o.status == 200 && reflector_expects_events(&r))
				tell(END_MARK("5"));
			else if (o.status == 200)
				page("{\"metadata\":{\"resourceVersion\":\"50\"}}");
			done(&o, 1);
			sum_ms += wait_ms;
			buf_fini(&url);
		}
		assert_true(sum_ms > (codes[i] == 0 ? 12000 : 100000)); /* silence costs the server nothing */
	}
}

/* "Too large resource version": after three answers of that sort the version is given up, after overload never. */
static void version_refused(void **state)
{
	(void)state;
	list_streamed();
	done(&ended, 5000);
	for (int i = 0; i < 20; i++) {
		assert_false(request("resourceVersion=50", ""));
		status(i % 2 != 0 ? 429 : 503, REFLECTOR_FAILED);
	}
	for (int i = 0; i < 3; i++) {
		assert_false(request("resourceVersion=50", ""));
		status(504, REFLECTOR_FAILED);
	}
	assert_true(request("sendInitialEvents", ""));
}

static void retry_after(void **state)
{
	const struct reflector_outcome o = {.status = 429, .whole = true, .retry_after_ms = 9000};

	(void)state;
	request("", "");
	assert_int_equal(done(&o, 5), REFLECTOR_FAILED);
	assert_in_range(wait_ms, 9000, 10000);
}

static void unauthorized(void **state)
{
	struct reflector_outcome o = {.status = 401, .whole = true, .new_credentials = true};

	(void)state;
	request("", "");
	assert_int_equal(done(&o, 5), REFLECTOR_FAILED);
	assert_int_equal(wait_ms, 0);
	request("", "");
	o.new_credentials = false;
	done(&o, 5);
	assert_true(wait_ms >= 200);
}

static void absent_resource(void **state)
{
	(void)state;
	reflector_init(&r, &cidrs, 1);
	request("/apis/networking.k8s.io/v1/servicecidrs?", "");
	status(404, REFLECTOR_ABSENT);
	assert_true(r.listed);
	assert_true(wait_ms >= REFLECTOR_ABSENT_MS);
	assert_true(request("sendInitialEvents", ""));
	status(403, REFLECTOR_FAILED);
	assert_true(r.excused);
}

static void needed_resource(void **state)
{
	(void)state;
	request("", "");
	status(404, REFLECTOR_FAILED);
	request("", "");
	status(403, REFLECTOR_FAILED);
	assert_false(r.listed);
	assert_false(r.excused);
}

/* After an outage another server may answer: it is asked for a stream again. */
static void stream_asked_again(void **state)
{
	(void)state;
	list_paged();
	request("watch=true", "");
	done(&cut_off, 5);
	request("watch=true", "");
	tell(ERROR("410"));
	done(&broken, 5);
	assert_true(request("sendInitialEvents", ""));
}

/* After an outage a restarted server has none of the old versions: the list begins at once, however long it was. */
static void gone_after_an_outage(void **state)
{
	static const unsigned outages_s[] = {10, 60, 600};

	for (size_t i = 0; i < sizeof outages_s / sizeof *outages_s; i++) {
		teardown(state);
		setup(state);
		list_streamed();
		assert_int_equal(done(&ended, 60000), REFLECTOR_GO_ON);
		for (uint64_t end_ms = now_ms + outages_s[i] * 1000ULL; now_ms < end_ms; now_ms += wait_ms) {
			request("resourceVersion=", "");
			assert_int_equal(done(&cut_off, 5), REFLECTOR_FAILED);
		}
		request("resourceVersion=", "");
		status(410, REFLECTOR_EXPIRED);
		assert_int_equal(wait_ms, 0);
		request("sendInitialEvents", "");
		status(503, REFLECTOR_FAILED); /* its cache is not ready: the smallest waits */
		assert_in_range(wait_ms, 200, 800);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(gone),
		TEST(never_busy),
		TEST(version_refused),
		TEST(retry_after),
		TEST(unauthorized),
		TEST(absent_resource),
		TEST(needed_resource),
		TEST(stream_asked_again),
		TEST(gone_after_an_outage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
