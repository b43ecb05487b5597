/* A reflector and the answers it gets, for its unit tests: include after <cmocka.h>. */
#ifndef TESTS_REFLECTOR_SCENE_H
#define TESTS_REFLECTOR_SCENE_H

#include "watch/api/reflector.h"

static const struct reflector_resource services = {OBJECT_SERVICE, "", "services", "/api/v1/services", "", false};
static const struct reflector_resource cidrs = {
	OBJECT_SERVICE_CIDR, "networking.k8s.io", "servicecidrs", "/apis/networking.k8s.io/v1/servicecidrs", "", true};

static const struct reflector_outcome cut_off = {.status = 0}, ended = {.status = 200, .whole = true},
				      broken = {.status = 200}, silent = {.status = 200, .silent = true};

static struct reflector r;
static uint64_t now_ms;
static uint32_t wait_ms;

static inline int setup(void **state)
{
	(void)state;
	now_ms = 1000000;
	reflector_init(&r, &services, 42);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	reflector_fini(&r);
	return 0;
}

/* The next request has all of `parts` (a NULL ends them); whether a list begins with it. */
static inline bool request(const char *part, const char *other_part)
{
	struct buf url = {0};
	bool begins = reflector_request(&r, now_ms, &url);

	if (url.data == NULL || strstr(url.data, part) == NULL || strstr(url.data, other_part) == NULL)
		fail_msg("the request lacks %s or %s", part, other_part);
	buf_fini(&url);
	return begins;
}

static inline enum reflector_act tell(const char *json)
{
	struct event e;

	assert_true(event_read((struct span){json, strlen(json)}, &e));
	return reflector_event(&r, &e);
}

static inline enum reflector_act page(const char *frame)
{
	return reflector_page(&r, (struct span){frame, strlen(frame)});
}

static inline enum reflector_next done(const struct reflector_outcome *o, uint32_t after_ms)
{
	now_ms += after_ms;
	return reflector_done(&r, o, now_ms, &wait_ms);
}

static inline void status(int code, enum reflector_next expected)
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
static inline void list_streamed(void)
{
	assert_true(request("/api/v1/services?watch=true", "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"));
	assert_int_equal(tell(EVENT("ADDED", "49")), REFLECTOR_UPSERT);
	assert_int_equal(tell(END_MARK("50")), REFLECTOR_LIST_END);
	assert_true(r.listed);
}

/* Refused as a stream, listed by two pages up to version 50. */
static inline void list_paged(void)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
