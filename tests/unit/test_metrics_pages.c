/* The metrics port's pages, and the buckets of DNS durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/answer/respond_counts.h"
#include "observe/metrics_page.h"

static void pages(void **state)
{
	struct metrics *m = metrics_new();
	struct http_reply reply = {.status = 200};

	(void)state;
	metrics_page_init(m);
	assert_true(metrics_page_handle(m, "/proxyMode", &reply));
	assert_string_equal(reply.body.data, "nftables");
	buf_fini(&reply.body);
	reply = (struct http_reply){.status = 200};
	metrics_page_handle(m, "/healthz", &reply);
	assert_string_equal(reply.body.data, "ok");
	buf_fini(&reply.body);
	reply = (struct http_reply){.status = 200};
	metrics_page_handle(m, "/", &reply);
	assert_int_equal(reply.status, 404);
	buf_fini(&reply.body);
	reply = (struct http_reply){.status = 200};
	assert_false(metrics_page_handle(m, "/metrics", &reply)); /* the main thread's */
	assert_true(metrics_page_render(m, "/metrics", &reply));
	assert_int_equal(reply.status, 200);
	assert_string_equal(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
	static const char *const names[] = {"fairlead_build_info{version=\"",
					    "\nprocess_start_time_seconds 1",
					    "\nprocess_cpu_seconds_total ",
					    "\nprocess_resident_memory_bytes ",
					    "\nprocess_virtual_memory_bytes ",
					    "\nprocess_open_fds ",
					    "\nprocess_max_fds "};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_non_null(strstr(reply.body.data, names[i]));
	buf_fini(&reply.body);
	metrics_free(m);
}

/* Bounds belong to their bucket, as in Prometheus. */
static void dns_durations(void **state)
{
	static struct respond_counts counts;

	(void)state;
	respond_observe(&counts, 2, 250000);
	respond_observe(&counts, 1, 250001);
	respond_observe(&counts, 3, 8192000000);
	respond_observe(&counts, 1, 8192000001);
	assert_int_equal(counts.durations[0], 2);
	assert_int_equal(counts.durations[1], 1);
	assert_int_equal(counts.durations[COUNT_DURATIONS - 2], 3);
	assert_int_equal(counts.durations[COUNT_DURATIONS - 1], 1);
	assert_int_equal(counts.durations_ns, 2 * 250000 + 250001 + 3 * 8192000000 + 8192000001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(pages), cmocka_unit_test(dns_durations)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
