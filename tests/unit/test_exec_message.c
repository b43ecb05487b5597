/* Messages of exec probes: what is packed is unpacked, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "watch/lab/exec_message.h"

static void requests(void **state)
{
	static char bytes[EXEC_REQUEST_MAX_BYTES + 1];
	struct exec_request r = {.place = 3,
				 .timeout_ms = 1000,
				 .netns = "blue",
				 .address = "10.1.0.1",
				 .port = "80",
				 .command = {"a", "", "c"}},
			    got;
	size_t n = exec_request_pack(bytes, &r);

	(void)state;
	assert_true(exec_request_unpack(&got, bytes, n));
	assert_int_equal(got.place, 3);
	assert_string_equal(got.netns, "blue");
	assert_string_equal(got.command[2], "c");
	assert_null(got.command[3]);
	for (size_t i = 0; i < n; i++)
		assert_false(exec_request_unpack(&got, bytes, i));
	assert_false(exec_request_unpack(&got, bytes, n + 1));
	r.netns = "../../proc/1/ns/net";
	assert_false(exec_request_unpack(&got, bytes, exec_request_pack(bytes, &r)));
	r.netns = "";
	r.place = EXEC_PLACES;
	assert_false(exec_request_unpack(&got, bytes, exec_request_pack(bytes, &r)));
	r.place = 0;
	r.command[0] = "";
	assert_false(exec_request_unpack(&got, bytes, exec_request_pack(bytes, &r)));
	r.timeout_ms = 0;
	assert_true(exec_request_unpack(&got, bytes, exec_request_pack(bytes, &r)));
	assert_int_equal(got.timeout_ms, 0);
}

static void results(void **state)
{
	struct exec_result r = {.place = 1, .end = EXEC_EXITED, .code = 2, .length = 5, .text = "a\033[1m"}, got;
	char text[128];

	(void)state;
	assert_true(exec_result_unpack(&got, (const char *)&r, sizeof r));
	exec_result_format(text, sizeof text, &got);
	assert_string_equal(text, "exit code 2: a\\x1b[1m");
	exec_result_format(text, 12, &got);
	assert_string_equal(text, "exit code 2");
	assert_false(exec_result_unpack(&got, (const char *)&r, sizeof r - 1));
	r.length = EXEC_TEXT_BYTES + 1;
	assert_false(exec_result_unpack(&got, (const char *)&r, sizeof r));
	r.length = 0;
	r.place = EXEC_PLACES;
	assert_false(exec_result_unpack(&got, (const char *)&r, sizeof r));
	r.place = 0;
	r.end = EXEC_NOT_STARTED + 1;
	assert_false(exec_result_unpack(&got, (const char *)&r, sizeof r));
	r.end = EXEC_NOT_STARTED;
	r.code = 11;
	exec_result_format(text, sizeof text, &r);
	assert_string_equal(text, "cannot be started: Resource temporarily unavailable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(requests), cmocka_unit_test(results)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
