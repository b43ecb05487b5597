/* Heads and contents of HTTP requests, well-formed and not (the shapes on the wire:
 * kernel/operate/test_http_conformance). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "observe/http_body.h"
#include "observe/http_request.h"

static struct http_request parse(const char *text)
{
	struct http_head h = {0};
	struct http_request r;
	const size_t length = http_head_length(&h, text, strlen(text));

	assert_int_equal(length, strlen(text));
	http_request_parse(&r, text, length);
	return r;
}

static void heads_end_with_an_empty_line(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} rows[] = {{"", 0},
		    {"GET / HTTP/1.1\r\n", 0},
		    {"GET / HTTP/1.1\r\n\r", 0},
		    {"GET / HTTP/1.1\r\n\r\nmore", 18},
		    {"GET / HTTP/1.1\n\nmore", 16},
		    {"\r\n\n\r\nGET / HTTP/1.1\r\n\r\n", 23},
		    {"\r\n\r\n\r\n", 0},
		    {"a\r\n \r\n\r\n", 8}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const size_t length = strlen(rows[i].text);
		struct http_head once = {0}, bytewise = {0};
		size_t found = 0;
		assert_int_equal(http_head_length(&once, rows[i].text, length), rows[i].length);
		for (size_t have = 0; have <= length && found == 0; have++)
			found = http_head_length(&bytewise, rows[i].text, have);
		assert_int_equal(found, rows[i].length);
	}
}

static void targets_become_paths(void **state)
{
	static const char *const rows[][2] = {
		{"/livez", "/livez"}, {"/live%7a?x=%zz", "/livez"}, {"/a%20b", "/a b"},		 {"//x", "//x"},
		{"http://a", "/"},    {"http://a?x", "/"},	    {"HTTPS://[::1]:80/b", "/b"}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[200];
		snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", rows[i][0]);
		struct http_request r = parse(text);
		assert_int_equal(r.status, 0);
		assert_string_equal(r.path, rows[i][1]);
	}
}

static void long_path_is_cut(void **state)
{
	char text[2000] = "GET /";

	(void)state;
	memset(text + 5, 'a', 1000);
	memcpy(text + 1005, " HTTP/1.0\r\n\r\n", 14);
	struct http_request r = parse(text);
	assert_int_equal(r.status, 0);
	assert_int_equal(strlen(r.path), HTTP_PATH_BYTES - 1);
}

static void connections_go_on(void **state)
{
	static const struct {
		const char *text;
		bool keep_alive;
	} rows[] = {{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
		    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x,CLOSE\r\n\r\n", false},
		    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true},
		    {"GET / HTTP/1.0\r\n\r\n", false},
		    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
		    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
		    {"GET / HTTP/1.1\r\n\r\n", false}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(parse(rows[i].text).keep_alive, rows[i].keep_alive);
}

static void lengths(void **state)
{
	struct http_request r = parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0012\r\n\r\n");

	(void)state;
	assert_int_equal(r.status, 0);
	assert_int_equal(r.body, HTTP_BODY_COUNTED);
	assert_int_equal(r.body_bytes, 12);
	r = parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n");
	assert_int_equal(r.status, 413);
	r = parse("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(r.body, HTTP_BODY_NONE);
	r = parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
	assert_int_equal(r.body, HTTP_BODY_CHUNKED);
}

/* The state at the end, the status, and how many bytes were taken. */
static void content(enum http_body body, const char *text, unsigned status, size_t taken)
{
	const struct http_request r = {.body = body, .body_bytes = 4};

	for (size_t piece = 1; piece <= strlen(text); piece++) {
		struct http_body_reader b = http_body_start(&r);
		size_t at = 0, last = 1;
		while (at < strlen(text) && last != 0) {
			last = http_body_read(&b, text + at, strlen(text) - at < piece ? strlen(text) - at : piece);
			at += last;
		}
		assert_int_equal(b.status, status);
		if (status == 0)
			assert_int_equal(at, taken);
		assert_true(status != 0 || (b.state == HTTP_BODY_END) == (taken < strlen(text)));
	}
}

static void contents_end(void **state)
{
	(void)state;
	content(HTTP_BODY_COUNTED, "abcdGET", 0, 4);
	content(HTTP_BODY_CHUNKED, "3\r\nabc\r\n0\r\n\r\nGET", 0, 13);
	content(HTTP_BODY_CHUNKED, "3;a=b\r\nabc\r\n00\r\nA: b\r\nC: d\r\n\r\nGET", 0, 30);
	content(HTTP_BODY_CHUNKED, "3\r\nab", 0, 5);
	content(HTTP_BODY_CHUNKED, "3\nabc", 400, 0);
	content(HTTP_BODY_CHUNKED, ";\r\n", 400, 0);
	content(HTTP_BODY_CHUNKED, "3 \r\n", 400, 0);
	content(HTTP_BODY_CHUNKED, "000000001\r\n", 413, 0);
	content(HTTP_BODY_CHUNKED, "ffffffff\r\n", 0, 10);
}

static void head_without_end(void **state)
{
	static char line[HTTP_HEAD_BYTES_MAX];
	struct http_request r;

	(void)state;
	memset(line, 'a', sizeof line);
	http_request_too_long(&r, line, sizeof line);
	assert_int_equal(r.status, 414);
	memcpy(line, "\r\nGET / HTTP/1.1\r\n", 18);
	http_request_too_long(&r, line, sizeof line);
	assert_int_equal(r.status, 431);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_end_with_an_empty_line),
		cmocka_unit_test(targets_become_paths),
		cmocka_unit_test(long_path_is_cut),
		cmocka_unit_test(connections_go_on),
		cmocka_unit_test(lengths),
		cmocka_unit_test(contents_end),
		cmocka_unit_test(head_without_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
