/* JSON streams cut into values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "watch/api/stream.h"

/* Delivered values, each in brackets; cut ones end in "…". */
struct heard {
	struct buf text;
	size_t stop_after, count;
};

static bool hear(void *ctx, struct span value, bool cut)
{
	struct heard *heard = ctx;

	buf_puts(&heard->text, "<");
	buf_add(&heard->text, value.bytes, value.length_bytes);
	buf_puts(&heard->text, cut ? "...>" : ">");
	return ++heard->count != heard->stop_after;
}

/* Feeds `text` in chunks of chunk_bytes; returns whether it was accepted and was complete. */
static bool feed(struct stream *s, enum stream_shape shape, struct heard *heard, const char *text, size_t chunk_bytes)
{
	const struct stream_handler handler = {heard, hear};
	size_t length = strlen(text);

	stream_init(s, shape, &handler);
	for (size_t at = 0; at < length; at += chunk_bytes) {
		char chunk[256]; /* a copy, so that nothing may be read behind it */
		size_t n = length - at < chunk_bytes ? length - at : chunk_bytes;
		assert_true(n <= sizeof chunk);
		memcpy(chunk, text + at, n);
		if (!stream_feed(s, chunk, n))
			return false;
	}
	return stream_complete(s);
}

static void expect_heard(enum stream_shape shape, const char *text, const char *values, const char *frame)
{
	for (size_t chunk_bytes = 1; chunk_bytes <= strlen(text) && chunk_bytes < 250; chunk_bytes++) {
		struct heard heard = {0};
		struct stream s;
		assert_true(feed(&s, shape, &heard, text, chunk_bytes));
		assert_string_equal(heard.text.data != NULL ? heard.text.data : "", values);
		if (frame != NULL)
			assert_string_equal(stream_frame(&s).bytes, frame);
		stream_fini(&s);
		buf_fini(&heard.text);
	}
}

static void watch_events(void **state)
{
	(void)state;
	expect_heard(STREAM_WATCH, "{\"a\":1}\n{\"b\":{\"c\":[{},[],\"}\\\"\"]}}\n",
		     "<{\"a\":1}><{\"b\":{\"c\":[{},[],\"}\\\"\"]}}>", NULL);
	expect_heard(STREAM_WATCH, " {}{} \r\n{ \"n\" : -1.5e+3 , \"t\" : true }",
		     "<{}><{}><{ \"n\" : -1.5e+3 , \"t\" : true }>", NULL);
}

static void list_items(void **state)
{
	(void)state;
	expect_heard(STREAM_LIST,
		     "{\"kind\":\"L\",\"metadata\":{\"continue\":\"x\"},\"items\":[{\"items\":[{}]}, {\"b\":2}]}\n",
		     "<{\"items\":[{}]}><{\"b\":2}>",
		     "{\"kind\":\"L\",\"metadata\":{\"continue\":\"x\"},\"items\":[]}\n");
	expect_heard(STREAM_LIST, "{\"items\":[],\"metadata\":{\"items\":[{}]}}", "",
		     "{\"items\":[],\"metadata\":{\"items\":[{}]}}");
	expect_heard(STREAM_LIST, "{\"items\":null,\"x\":[{}]}", "", "{\"items\":null,\"x\":[{}]}");
	expect_heard(STREAM_LIST, "{\"itemsitems\":[{}],\"item\":[{}]}", "", NULL);
}

/* Each is refused at the first byte that cannot be, in chunks of any size. */
static void malformed(void **state)
{
	static const char *const watch[] = {
		/* an event that was cut off, then the next one: must not become one endless value */
		"{\"type\":\"ADDED\",\"object\":{\"kind\":\n{\"type\":\"ADDED\",\"object\":{}}\n{\"type\":",
		"{\"type\":\"ADDED\",\"object\":{\"kind\":\"Serv\n{\"type\"",
		"{\"a\":1}}",
		"<html>",
		"[{}]",
		"\"text\"",
		"17 ",
		"{\"a\" 1}",
		"{\"a\":1,}",
		"{\"a\":[1,]}",
		"{\"a\":]}",
		"{1:2}",
		"{\"a\":1 \"b\"}",
		"{\"a\":,}",
		"{,}",
		"{\"a\":{]}",
		"{}:",
		"{}\n,{}",
		"{\"a\":\"b\" \"c\"}",
		"{\"a\":/}",
	};
	static const char *const list[] = {
		"{\"items\":[1]}", "{\"items\":[\"a\"]}", "{\"items\":[[]]}", "{} {}", "{}x", "{\"items\":[{} {}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof watch / sizeof *watch + sizeof list / sizeof *list; i++) {
		bool is_list = i >= sizeof watch / sizeof *watch;
		const char *text = is_list ? list[i - sizeof watch / sizeof *watch] : watch[i];
		for (size_t chunk_bytes = 1; chunk_bytes <= strlen(text); chunk_bytes++) {
			struct heard heard = {0};
			struct stream s;
			assert_false(feed(&s, is_list ? STREAM_LIST : STREAM_WATCH, &heard, text, chunk_bytes));
			assert_non_null(s.error);
			stream_fini(&s);
			buf_fini(&heard.text);
		}
	}
}

static void incomplete(void **state)
{
	static const char *const texts[] = {"", "{", "{\"items\":[{}", "{\"items\":[{}]", "{\"a\":1"};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct heard heard = {0};
		struct stream s;
		assert_false(feed(&s, STREAM_LIST, &heard, texts[i], 3));
		assert_null(s.error);
		stream_fini(&s);
		buf_fini(&heard.text);
	}
}

/* A value above the limit is delivered cut, and the ones around it whole. */
static void too_large(void **state)
{
	static const char text[] = "{\"a\":1}{\"name\":\"big\",\"fill\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}{\"b\":2}";

	(void)state;
	for (size_t chunk_bytes = 1; chunk_bytes < sizeof text; chunk_bytes++) {
		struct heard heard = {0};
		const struct stream_handler handler = {&heard, hear};
		struct stream s;
		char name[16];
		stream_init(&s, STREAM_WATCH, &handler);
		s.limit_bytes = 20;
		for (size_t at = 0; at < sizeof text - 1; at += chunk_bytes)
			assert_true(
				stream_feed(&s, text + at,
					    sizeof text - 1 - at < chunk_bytes ? sizeof text - 1 - at : chunk_bytes));
		assert_int_equal(heard.count, 3);
		assert_non_null(strstr(heard.text.data, "<{\"a\":1}><{\"name\":\"big\","));
		assert_non_null(strstr(heard.text.data, "...><{\"b\":2}>"));
		char *big = strstr(heard.text.data, "{\"name\"");
		assert_true(span_member_text((struct span){big, 14}, "name", name, sizeof name));
		assert_string_equal(name, "big");
		stream_fini(&s);
		buf_fini(&heard.text);
	}
}

/* Small values are what an object costs: one with too many is delivered as one that is too large, others whole. */
static void too_many_values(void **state)
{
	static const char text[] = "{\"a\":[1,2,3,4]}{\"name\":[[],\"x\",{\"k\":null},1,2]}{\"b\":[1,2,3,4]}";

	(void)state;
	for (size_t chunk_bytes = 1; chunk_bytes < sizeof text; chunk_bytes++) {
		struct heard heard = {0};
		const struct stream_handler handler = {&heard, hear};
		struct stream s;
		stream_init(&s, STREAM_WATCH, &handler);
		s.limit_values = 6;
		for (size_t at = 0; at < sizeof text - 1; at += chunk_bytes)
			assert_true(
				stream_feed(&s, text + at,
					    sizeof text - 1 - at < chunk_bytes ? sizeof text - 1 - at : chunk_bytes));
		assert_string_equal(heard.text.data, "<{\"a\":[1,2,3,4]}><{\"name\":[[],\"x\",{\"k\":null},1,2]}...>"
						     "<{\"b\":[1,2,3,4]}>");
		stream_fini(&s);
		buf_fini(&heard.text);
	}
}

static void stopped_by_handler(void **state)
{
	struct heard heard = {.stop_after = 2};
	struct stream s;

	(void)state;
	assert_false(feed(&s, STREAM_WATCH, &heard, "{}{}{}{}", 8));
	assert_int_equal(heard.count, 2);
	assert_null(s.error);
	stream_fini(&s);
	buf_fini(&heard.text);
}

static void deep(void **state)
{
	char text[200] = "{\"a\":";
	struct heard heard = {0};
	struct stream s;

	(void)state;
	memset(text + 5, '[', 64);
	assert_false(feed(&s, STREAM_WATCH, &heard, text, 100));
	assert_string_equal(s.error, "nested too deeply");
	stream_fini(&s);
	buf_fini(&heard.text);
}

static struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

static void span_members(void **state)
{
	struct span object =
			    span_of(" { \"a\" : {\"x\":[1,\"]}\"]} ,\"b\":\"q\\\"\\u003c\\n\",\"n\": 410 ,\"t\":true}"),
		    value;
	char text[16];

	(void)state;
	assert_true(span_member(object, "a", &value));
	assert_int_equal(value.length_bytes, strlen("{\"x\":[1,\"]}\"]}"));
	assert_true(span_member_text(object, "b", text, sizeof text));
	assert_string_equal(text, "q\"<\n");
	assert_int_equal(span_member_number(object, "n", -1), 410);
	assert_int_equal(span_member_number(object, "t", -1), -1);
	assert_int_equal(span_member_number(object, "z", -1), -1);
	assert_false(span_member_text(object, "n", text, sizeof text));
	assert_string_equal(text, "");
	assert_false(span_member(span_of("[1]"), "a", &value));
	assert_false(span_member_text(span_of("{\"b\":\"0123456789abcdef\"}"), "b", text, sizeof text));
	assert_string_equal(text, "");
}

/* Any prefix of an object is read without reaching behind it; what is whole in it is found. */
static void span_cut(void **state)
{
	static const char text[] =
		"{\"metadata\":{\"name\":\"web\",\"namespace\":\"d\\u0041\"},\"spec\":{\"a\":[1,2]}}";
	char name[16];

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		struct span metadata = {0};
		char *copy = test_malloc(n + 1);
		memcpy(copy, text, n);
		bool found = span_member((struct span){copy, n}, "metadata", &metadata) &&
			     span_member_text(metadata, "name", name, sizeof name);
		assert_int_equal(found, n >= strlen("{\"metadata\":{\"name\":\"web\""));
		test_free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watch_events),	      cmocka_unit_test(list_items), cmocka_unit_test(malformed),
		cmocka_unit_test(incomplete),	      cmocka_unit_test(too_large),  cmocka_unit_test(too_many_values),
		cmocka_unit_test(stopped_by_handler), cmocka_unit_test(deep),	    cmocka_unit_test(span_members),
		cmocka_unit_test(span_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
