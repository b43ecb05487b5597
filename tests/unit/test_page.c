/* The page's parts: text that is HTML is shown as text; rates and changes are bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "observe/page/files.h"
#include "observe/page/history.h"
#include "observe/page/html.h"
#include "observe/page/services.h"

#define HOSTILE "<script>alert('1')</script>\"&\x1b\x01"

static void test_text_is_never_markup(void **state)
{
	struct buf out = {0};

	(void)state;
	html_text(&out, "a<b>&\"c'");
	assert_string_equal(out.data, "a&lt;b&gt;&amp;&quot;c&#39;");
	buf_clear(&out);
	html_text(&out, "\x1b[31m\xff<");
	assert_null(strpbrk(out.data, "<>\x1b\xff"));
	assert_non_null(strstr(out.data, "[31m"));
	buf_clear(&out);
	html_printf(&out, "%s<%d>", "&", 7);
	assert_string_equal(out.data, "&amp;&lt;7&gt;");
	buf_fini(&out);
}

/* Everything that a row takes from outside at its worst. */
static void test_a_hostile_service_is_harmless(void **state)
{
	static const uint16_t slots[] = {0};
	static const struct target targets[] = {
		{{AF_INET, {10, 244, 0, 10}}, TARGET_READY | TARGET_IN_CLUSTER, 8080},
		{{AF_INET, {10, 244, 0, 11}}, 0, 8080},
	};
	const struct service_port port = {.name = HOSTILE,
					  .port = 80,
					  .proto = IPPROTO_TCP,
					  .family = AF_INET,
					  .target_count = 2,
					  .targets = targets,
					  .cluster = {1, 1, slots}};
	const struct frontend frontend = {.key = {{AF_INET, {10, 96, 0, 1}}, IPPROTO_TCP, 80}, .pool = &port.cluster};
	struct service s = {.ns = HOSTILE,
			    .name = HOSTILE,
			    .proxied = true,
			    .port_count = 1,
			    .ports = &port,
			    .frontend_count = 1,
			    .frontends = &frontend,
			    .dns_kind = DNS_CLUSTER_IP};
	const struct endpoint_extra extra = {.reason = "probe failing: " HOSTILE};
	struct endpoint_object endpoint = {.addr = targets[1].addr, .extra = &extra};
	const struct slice_object slice = {.endpoint_count = 1, .endpoints = &endpoint}, *slices[] = {&slice};
	struct store_service service = {.current = &s, .refusal = HOSTILE, .slice_count = 1, .slices = slices};
	struct services_count count = {0};
	struct buf out = {0};

	(void)state;
	services_row(&out, &service, &count);
	assert_null(strstr(out.data, "<script"));
	assert_null(strchr(out.data, '\x1b'));
	assert_null(strstr(out.data, "&\x01"));
	assert_non_null(strstr(out.data, "&lt;script&gt;"));
	assert_non_null(strstr(out.data, "10.96.0.1:80/TCP"));
	assert_non_null(strstr(out.data, "10.244.0.11:8080 <i>probe failing: &lt;script"));
	assert_non_null(strstr(out.data, "1 of 2"));
	assert_int_equal(count.services, 1);
	assert_int_equal(count.endpoints, 2);
	assert_int_equal(count.unused, 1);
	assert_int_equal(count.held, 1);
	buf_fini(&out);
}

static void test_a_rate(void **state)
{
	struct history_rate r = {0};
	struct buf out = {0};

	(void)state;
	assert_true(history_now(&r) < 0);
	history_seen(&r, 1000, 5000);
	assert_true(history_now(&r) < 0);
	history_seen(&r, 1100, 6000);
	assert_true(history_now(&r) == 100);
	history_seen(&r, 1200, 10000); /* late: the same for each second between */
	assert_true(history_now(&r) == 25);
	assert_int_equal(r.count, 5);
	history_seen(&r, 3, 11000); /* the counter began anew */
	assert_int_equal(r.count, 0);
	for (unsigned i = 1; i <= 3 * HISTORY_SAMPLES; i++)
		history_seen(&r, 3 + i, 11000 + 1000 * i);
	assert_int_equal(r.count, HISTORY_SAMPLES);
	history_plot(&out, &r, "a & b");
	assert_non_null(strstr(out.data, "a &amp; b"));
	buf_fini(&out);
}

static void test_changes_are_bounded(void **state)
{
	struct history_changes h = {0};
	char text[2 * HISTORY_CHANGE_BYTES];

	(void)state;
	assert_null(history_get(&h, 0));
	for (unsigned i = 0; i < 3 * HISTORY_CHANGES; i++)
		history_add(&h, i, "change %u", i);
	assert_int_equal(history_get(&h, 0)->wall_ms, 3 * HISTORY_CHANGES - 1);
	assert_string_equal(history_get(&h, HISTORY_CHANGES - 1)->text, "change 100");
	assert_null(history_get(&h, HISTORY_CHANGES));
	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	history_add(&h, 1, "%s", text);
	assert_int_equal(strlen(history_get(&h, 0)->text), HISTORY_CHANGE_BYTES - 1);
}

/* A policy that names other digests would leave the page without style and script. */
static void test_the_policy_allows_nothing_else(void **state)
{
	char policy[FILES_POLICY_BYTES];
	struct buf style = {0}, script = {0};

	(void)state;
	files_policy(policy);
	assert_non_null(strstr(policy, "default-src 'none'; style-src 'sha256-"));
	assert_non_null(strstr(policy, "frame-ancestors 'none'"));
	assert_null(strstr(policy, "unsafe"));
	files_style(&style);
	files_script(&script);
	assert_null(strstr(style.data, "url("));
	assert_null(strstr(script.data, "innerHTML"));
	assert_null(strstr(script.data, "</script"));
	buf_fini(&style);
	buf_fini(&script);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_is_never_markup),
		cmocka_unit_test(test_a_hostile_service_is_harmless),
		cmocka_unit_test(test_a_rate),
		cmocka_unit_test(test_changes_are_bounded),
		cmocka_unit_test(test_the_policy_allows_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
