/* What a reflector requests: lists, pages, watches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/reflector_scene.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(streaming_list),	     TEST(pages),
		TEST(streaming_list_broken), TEST(streaming_list_always_cut),
		TEST(streaming_list_silent), TEST(page_lost),
		TEST(page_token_expired),    TEST(page_without_version),
		TEST(resumes_where_it_was),  TEST(names),
		TEST(endless_pages),	     TEST(endless_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
