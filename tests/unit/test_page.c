/* The page's parts: text that is HTML is shown as text; rates and changes are bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "observe/page/files.h"
#include "observe/page/history.h"
#include "observe/page/html.h"
#include "observe/page/probes.h"
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

struct probed {
	size_t count;
	struct probe_seen *items;
};

static void each_probed(void *ctx, probe_seen_fn *fn, void *fn_ctx)
{
	const struct probed *p = ctx;

	for (size_t i = 0; i < p->count; i++)
		fn(fn_ctx, &p->items[i]);
}

static size_t times(const char *text, const char *what)
{
	size_t count = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		count++;
	return count;
}

/* Failing ones first, then by name; bounded; a cell for each result; names and reasons are text. */
static void test_strips_of_probes(void **state)
{
	struct probe_seen seen[200] = {{.owner = "Service default/b",
					.container = "",
					.addr = {AF_INET, {10, 1, 0, 1}},
					.port = 80,
					.ready = true,
					.count = 3,
					.results = {"HTTP 503", NULL, NULL}},
				       {.owner = "Pod " HOSTILE "/" HOSTILE,
					.container = HOSTILE,
					.addr = {AF_INET, {10, 1, 0, 2}},
					.why = "probe failing: " HOSTILE,
					.count = 1,
					.results = {HOSTILE}}};
	struct probed p = {2, seen};
	struct buf out = {0};

	(void)state;
	probes_all(&out, NULL, NULL);
	probes_all(&out, each_probed, &(struct probed){0});
	assert_int_equal(out.length_bytes, 0);
	probes_all(&out, each_probed, &p);
	assert_non_null(strstr(out.data, "Probes: 1 of 2 pass"));
	assert_null(strstr(out.data, "<script"));
	assert_null(strchr(out.data, '\x1b'));
	assert_null(strstr(out.data, "title=\"<"));
	assert_non_null(
		strstr(out.data, "<i class=\"f\" title=\"&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;"));
	assert_non_null(strstr(
		out.data,
		"<li><span class=\"strip\" role=\"img\" aria-label=\"of the last 3 probes 1 failed\"><i "
		"class=\"f\" title=\"HTTP 503\"></i><i title=\"passed\"></i><i title=\"passed\"></i></span> <span><a "
		"href=\"/services/default/b\">default/b</a></span> <code>10.1.0.1:80</code></li>"));
	assert_true(strstr(out.data, "10.1.0.2") < strstr(out.data, "10.1.0.1:80"));
	buf_clear(&out);
	for (unsigned i = 1; i < 200; i++)
		seen[i] = (struct probe_seen){
			.owner = "Pod default/many", .container = "", .ready = i != 150, .port = (uint16_t)i};
	p.count = 200;
	probes_all(&out, each_probed, &p);
	assert_int_equal(times(out.data, "<li"), PROBES_SHOWN);
	assert_non_null(strstr(out.data, "Probes: 199 of 200 pass"));
	assert_non_null(strstr(out.data, "and 150 more"));
	assert_non_null(strstr(out.data, "<ul class=\"probes\"><li class=\"no\"><span class=\"strip\""));
	buf_fini(&out);
}

/* Its own, those of Pods of its namespace at its addresses, and those of its endpoints' ports. */
static void test_probes_of_a_service(void **state)
{
	static const struct target targets[] = {{{AF_INET, {10, 1, 0, 1}}, TARGET_READY, 80}};
	const struct service_port port = {.name = "", .target_count = 1, .targets = targets};
	struct service s = {.ns = "prod", .name = "web", .port_count = 1, .ports = &port};
	struct store_service *service = calloc(1, sizeof *service + sizeof "prod/web");
	struct probe_seen seen[] = {
		{.owner = "Service prod/web", .container = "", .addr = {AF_INET, {10, 9, 9, 9}}, .port = 1},
		{.owner = "Service prod/webs", .container = "", .addr = {AF_INET, {10, 1, 0, 1}}, .port = 2},
		{.owner = "Service other/same", .container = "", .addr = {AF_INET, {10, 1, 0, 1}}, .port = 80},
		{.owner = "Pod prod/a", .container = "c", .addr = {AF_INET, {10, 1, 0, 1}}},
		{.owner = "Pod prod/b", .container = "c", .addr = {AF_INET, {10, 1, 0, 2}}},
		{.owner = "Pod production/a", .container = "c", .addr = {AF_INET, {10, 1, 0, 1}}},
	};
	struct buf out = {0};

	(void)state;
	service->current = &s;
	memcpy(service->key, "prod/web", sizeof "prod/web");
	probes_one(&out, each_probed, &(struct probed){6, seen}, service);
	assert_int_equal(times(out.data, "<li"), 3);
	assert_non_null(strstr(out.data, ">prod/web</a>"));
	assert_non_null(strstr(out.data, ">other/same</a>"));
	assert_non_null(strstr(out.data, "Pod prod/a container c"));
	buf_fini(&out);
	free(service);
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
		cmocka_unit_test(test_strips_of_probes),
		cmocka_unit_test(test_probes_of_a_service),
		cmocka_unit_test(test_a_rate),
		cmocka_unit_test(test_changes_are_bounded),
		cmocka_unit_test(test_the_policy_allows_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
