#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "watch/api/reflector.h"

static const struct reflector_resource services = {OBJECT_SERVICE, "", "services", "/api/v1/services", "", false};
static const struct reflector_resource cidrs = {
	OBJECT_SERVICE_CIDR, "networking.k8s.io", "servicecidrs", "/apis/networking.k8s.io/v1/servicecidrs", "", true};

static const struct reflector_outcome cut_off = {.status = 0}, ended = {.status = 200, .whole = true},
				      broken = {.status = 200}, silent = {.status = 200, .silent = true};

static struct reflector r;
static uint64_t now_ms;
static uint32_t wait_ms;

static int setup(void **state)
{
	(void)state;
	now_ms = 1000000;
	reflector_init(&r, &services, 42);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	reflector_fini(&r);
	return 0;
}

/* The next request has all of `parts` (a NULL ends them); whether a list begins with it. */
static bool request(const char *part, const char *other_part)
{
	struct buf url = {0};
	bool begins = reflector_request(&r, now_ms, &url);

	if (strstr(url.data, part) == NULL || strstr(url.data, other_part) == NULL)
		fail_msg("%s: lacks %s or %s", url.data, part, other_part);
	buf_fini(&url);
	return begins;
}

static enum reflector_act tell(const char *json)
{
	struct event e;

	assert_true(event_read((struct span){json, strlen(json)}, &e));
	return reflector_event(&r, &e);
}

static enum reflector_act page(const char *frame)
{
	return reflector_page(&r, (struct span){frame, strlen(frame)});
}

static enum reflector_next done(const struct reflector_outcome *o, uint32_t after_ms)
{
	now_ms += after_ms;
	return reflector_done(&r, o, now_ms, &wait_ms);
}

static void status(int code, enum reflector_next expected)
{
	const struct reflector_outcome o = {.status = code, .whole = true};

	assert_int_equal(done(&o, 5), expected);
}

#define BOOKMARK(version) "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version "\"}}}"
#define END_MARK(version)                                                                       \
	"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version "\"," \
	"\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}}}}"
#define EVENT(type, version) "{\"type\":\"" type "\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version "\"}}}"
#define ERROR(code) "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":" code "}}"

/* Listed as a stream up to version 50, now watching on the same request. */
static void list_streamed(void)
{
	assert_true(request("/api/v1/services?watch=true", "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
	assert_int_equal(tell(EVENT("ADDED", "49")), REFLECTOR_UPSERT);
	assert_int_equal(tell(END_MARK("50")), REFLECTOR_LIST_END);
	assert_true(r.listed);
}

/* Refused as a stream, listed by two pages up to version 50. */
static void list_paged(void)
{
	assert_true(request("sendInitialEvents", ""));
	status(422, REFLECTOR_NO_STREAM);
	assert_int_equal(wait_ms, 0);
	assert_true(request("?limit=500", ""));
	assert_false(reflector_expects_events(&r));
	assert_int_equal(page("{\"metadata\":{\"resourceVersion\":\"50\",\"continue\":\"a+b/c=\"}}"),
			 REFLECTOR_NOTHING);
	assert_int_equal(done(&ended, 5), REFLECTOR_GO_ON);
	assert_int_equal(wait_ms, 0);
	assert_false(request("?limit=500&continue=a%2Bb%2Fc%3D", ""));
	assert_int_equal(page("{\"metadata\":{\"resourceVersion\":\"50\",\"continue\":\"\"}}"), REFLECTOR_LIST_END);
	assert_int_equal(done(&ended, 5), REFLECTOR_GO_ON);
	assert_int_equal(wait_ms, 0);
}

static void streaming_list(void **state)
{
	(void)state;
	list_streamed();
	assert_int_equal(tell(EVENT("MODIFIED", "51")), REFLECTOR_UPSERT);
	assert_int_equal(tell(EVENT("DELETED", "52")), REFLECTOR_REMOVE);
	assert_int_equal(tell(BOOKMARK("60")), REFLECTOR_NOTHING);
	assert_int_equal(done(&ended, 300000), REFLECTOR_GO_ON); /* the server's timeout */
	assert_int_equal(wait_ms, 0);
	assert_false(request("watch=true&allowWatchBookmarks=true&timeoutSeconds=", "&resourceVersion=60"));
}

static void pages(void **state)
{
	(void)state;
	list_paged();
	assert_false(request("watch=true", "&resourceVersion=50"));
}

/* Versions of a list's own events are in no order: a break before the end mark means listing again. */
static void streaming_list_broken(void **state)
{
	(void)state;
	assert_true(request("sendInitialEvents", ""));
	tell(EVENT("ADDED", "49"));
	assert_int_equal(done(&broken, 5), REFLECTOR_FAILED);
	assert_in_range(wait_ms, 200, 400);
	assert_true(request("sendInitialEvents", ""));
	assert_int_equal(done(&cut_off, 5), REFLECTOR_FAILED);
	assert_in_range(wait_ms, 600, 900); /* silence does not count */
	assert_false(r.listed);
}

/* A proxy that cuts every long answer: pages after three attempts. */
static void streaming_list_always_cut(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(request("sendInitialEvents", ""));
		assert_int_equal(done(&ended, 5), REFLECTOR_FAILED);
	}
	assert_true(request("limit=500", ""));
}

/* An old server ignores the parameters and never sends the end mark. */
static void streaming_list_silent(void **state)
{
	(void)state;
	request("sendInitialEvents", "");
	assert_int_equal(done(&silent, 30000), REFLECTOR_NO_STREAM);
	assert_true(request("limit=500", ""));
}

static void page_lost(void **state)
{
	(void)state;
	request("", "");
	status(400, REFLECTOR_NO_STREAM);
	request("limit=500", "");
	page("{\"metadata\":{\"resourceVersion\":\"50\",\"continue\":\"tok\"}}");
	done(&ended, 5);
	assert_false(request("continue=tok", ""));
	assert_int_equal(done(&broken, 5), REFLECTOR_FAILED); /* the same page again, the list goes on */
	assert_true(wait_ms >= 200);
	assert_false(request("continue=tok", ""));
}

static void page_token_expired(void **state)
{
	(void)state;
	request("", "");
	status(422, REFLECTOR_NO_STREAM);
	request("limit=500", "");
	page("{\"metadata\":{\"resourceVersion\":\"50\",\"continue\":\"tok\"}}");
	done(&ended, 5);
	request("continue=tok", "");
	status(410, REFLECTOR_EXPIRED);
	assert_int_equal(wait_ms, 0);
	assert_true(request("/api/v1/services?resourceVersion=", "")); /* from the start, in one piece */
	assert_int_equal(page("{\"metadata\":{\"resourceVersion\":\"70\"}}"), REFLECTOR_LIST_END);
	assert_int_equal(done(&ended, 5), REFLECTOR_GO_ON);
	assert_false(request("resourceVersion=70", "watch=true"));
}

static void page_without_version(void **state)
{
	(void)state;
	request("", "");
	status(422, REFLECTOR_NO_STREAM);
	request("limit=500", "");
	assert_int_equal(page("{\"kind\":\"Status\"}"), REFLECTOR_GIVE_UP);
	assert_int_equal(done(&broken, 5), REFLECTOR_FAILED);
	assert_true(request("limit=500", ""));
}

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

static void resumes_where_it_was(void **state)
{
	(void)state;
	list_streamed();
	tell(EVENT("MODIFIED", "77"));
	assert_int_equal(done(&broken, 5000), REFLECTOR_FAILED);
	assert_in_range(wait_ms, 200, 400);
	for (int i = 0; i < 10; i++) { /* an outage does not cost the place */
		assert_false(request("resourceVersion=77", ""));
		assert_int_equal(done(&cut_off, 5), REFLECTOR_FAILED);
	}
	assert_in_range(wait_ms, 600, 900);
	for (int i = 0; i < 10; i++) {
		assert_false(request("resourceVersion=77", ""));
		status(503, REFLECTOR_FAILED);
	}
	assert_in_range(wait_ms, 15000, 30000);
	reflector_forgive(&r);
	assert_false(request("resourceVersion=77", ""));
	status(503, REFLECTOR_FAILED);
	assert_in_range(wait_ms, 200, 400);
	assert_false(request("resourceVersion=77", ""));
	assert_int_equal(done(&silent, 150000), REFLECTOR_GO_ON);
	assert_int_equal(wait_ms, 0);
	assert_false(request("resourceVersion=77", ""));
	assert_int_equal(done(&broken, 10000), REFLECTOR_FAILED); /* it held: the waits start over */
	assert_in_range(wait_ms, 200, 400);
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

static void names(void **state)
{
	static const char json[] = "{\"kind\":\"Service\",\"metadata\":{\"namespace\":\"a\",\"name\":\"b\"}}";
	struct object_name n;
	struct event e;

	(void)state;
	assert_true(object_name_read((struct span){json, strlen(json)}, &n));
	assert_string_equal(n.ns, "a");
	assert_string_equal(n.name, "b");
	assert_false(object_name_read((struct span){"{\"metadata\":{}}", 15}, &n));
	assert_false(event_read((struct span){json, strlen(json)}, &e));
	assert_true(event_read((struct span){"{\"type\":\"NEWS\",\"object\":{}}", 27}, &e));
	assert_int_equal(reflector_event(&r, &e), REFLECTOR_NOTHING);
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

/* A list without an end is given up, told, and begun again from its first page. */
static void endless_pages(void **state)
{
	enum reflector_act act = REFLECTOR_NOTHING;
	unsigned count = 0;

	(void)state;
	request("sendInitialEvents", "watch");
	status(422, REFLECTOR_NO_STREAM);
	while (act == REFLECTOR_NOTHING) {
		assert_int_equal(request("limit=500", count == 0 ? "services" : "continue=t"), count == 0);
		act = page("{\"metadata\":{\"resourceVersion\":\"7\",\"continue\":\"t\"}}");
		if (act == REFLECTOR_NOTHING)
			assert_int_equal(reflector_done(&r, &ended, now_ms, &wait_ms), REFLECTOR_GO_ON);
		assert_true(count++ < REFLECTOR_PAGES_MAX);
	}
	assert_int_equal(act, REFLECTOR_GIVE_UP);
	assert_string_equal(r.problem, "list with more than 20000 pages");
	assert_int_equal(reflector_done(&r, &broken, now_ms, &wait_ms), REFLECTOR_FAILED);
	assert_true(wait_ms >= 200);
	assert_true(request("limit=500", "services"));
	assert_null(r.problem);
}

static void endless_objects(void **state)
{
	(void)state;
	request("sendInitialEvents", "watch");
	for (unsigned i = 0; i < REFLECTOR_OBJECTS_MAX; i++)
		assert_true(reflector_object(&r));
	assert_int_equal(tell("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"5\"}}}"),
			 REFLECTOR_GIVE_UP);
	assert_string_equal(r.problem, "list with more than 1000000 objects");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(streaming_list),
		TEST(pages),
		TEST(streaming_list_broken),
		TEST(streaming_list_always_cut),
		TEST(streaming_list_silent),
		TEST(page_lost),
		TEST(page_token_expired),
		TEST(page_without_version),
		TEST(gone),
		TEST(never_busy),
		TEST(resumes_where_it_was),
		TEST(version_refused),
		TEST(retry_after),
		TEST(unauthorized),
		TEST(absent_resource),
		TEST(needed_resource),
		TEST(stream_asked_again),
		TEST(names),
		TEST(gone_after_an_outage),
		TEST(endless_pages),
		TEST(endless_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
