/* Metrics as Prometheus text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/metrics.h"

static const double bounds[] = {0.001, 0.1, 1};
static const struct metric_desc requests = {"t_requests_total", "Requests by code.", METRIC_COUNTER, NULL, 0};
static const struct metric_desc level = {"t_level", "A \\ and\na line.", METRIC_GAUGE, NULL, 0};
static const struct metric_desc took = {"t_seconds", "Duration.", METRIC_HISTOGRAM, bounds, 3};
static const struct metric_desc provided = {"t_worker_total", "By worker.", METRIC_COUNTER, NULL, 0};
static const struct metric_desc sizes = {"t_bytes", "Sizes.", METRIC_HISTOGRAM, bounds, 3};

static void some_values(void *ctx, struct metrics_page *page)
{
	(void)ctx;
	metrics_put(page, &requests, METRIC_LABELS({"code", "200"}), 3);
	metrics_put(page, &requests, METRIC_LABELS({"code", "503"}, {"path", "a\"b\\c\nd\033\xff"}), 1);
	metrics_put(page, &level, NULL, -0.25);
}

static void families_stand_together(void **state)
{
	struct metrics *m = metrics_new();
	struct buf out = {0};

	(void)state;
	metrics_provider(m, some_values, NULL);
	metrics_render(m, &out);
	assert_string_equal(out.data,
			    "# HELP t_requests_total Requests by code.\n"
			    "# TYPE t_requests_total counter\n"
			    "t_requests_total{code=\"200\"} 3\n"
			    "t_requests_total{code=\"503\",path=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\xef\xbf\xbd\"} 1\n"
			    "# HELP t_level A \\\\ and\\na line.\n"
			    "# TYPE t_level gauge\n"
			    "t_level -0.25\n");
	buf_fini(&out);
	metrics_free(m);
}

static void one_histogram(void *ctx, struct metrics_page *page)
{
	const struct metric_histogram *h = ctx;

	metrics_put_histogram(page, &took, METRIC_LABELS({"ip_family", "IPv4"}), h->counts, h->sum);
}

static void histogram_cumulates(void **state)
{
	struct metrics *m = metrics_new();
	struct metric_histogram h = {0};
	struct buf out = {0};

	(void)state;
	metrics_provider(m, one_histogram, &h);
	metric_observe(&h, &took, 0.001); /* a bound belongs to its bucket */
	metric_observe(&h, &took, 0.0625);
	metric_observe(&h, &took, 5);
	metrics_render(m, &out);
	assert_string_equal(out.data, "# HELP t_seconds Duration.\n"
				      "# TYPE t_seconds histogram\n"
				      "t_seconds_bucket{ip_family=\"IPv4\",le=\"0.001\"} 1\n"
				      "t_seconds_bucket{ip_family=\"IPv4\",le=\"0.1\"} 2\n"
				      "t_seconds_bucket{ip_family=\"IPv4\",le=\"1\"} 2\n"
				      "t_seconds_bucket{ip_family=\"IPv4\",le=\"+Inf\"} 3\n"
				      "t_seconds_sum{ip_family=\"IPv4\"} 5.0635\n"
				      "t_seconds_count{ip_family=\"IPv4\"} 3\n");
	buf_fini(&out);
	metrics_free(m);
}

static void two_workers(void *ctx, struct metrics_page *page)
{
	metrics_put(page, &provided, METRIC_LABELS({"worker", "0"}), *(double *)ctx);
	metrics_put(page, &provided, METRIC_LABELS({"worker", "1"}), 1e300);
	metrics_put_histogram(page, &sizes, NULL, (const uint64_t[]){1, 0, 0, 2}, 1.5);
}

static void providers_write_families(void **state)
{
	struct metrics *m = metrics_new();
	struct buf out = {0};
	double first = 1234567890123;

	(void)state;
	metrics_provider(m, two_workers, &first);
	metrics_render(m, &out);
	assert_string_equal(out.data, "# HELP t_worker_total By worker.\n"
				      "# TYPE t_worker_total counter\n"
				      "t_worker_total{worker=\"0\"} 1234567890123\n"
				      "t_worker_total{worker=\"1\"} 1e+300\n"
				      "# HELP t_bytes Sizes.\n"
				      "# TYPE t_bytes histogram\n"
				      "t_bytes_bucket{le=\"0.001\"} 1\n"
				      "t_bytes_bucket{le=\"0.1\"} 1\n"
				      "t_bytes_bucket{le=\"1\"} 1\n"
				      "t_bytes_bucket{le=\"+Inf\"} 3\n"
				      "t_bytes_sum 1.5\n"
				      "t_bytes_count 3\n");
	buf_fini(&out);
	metrics_free(m);
}

static void one_number(void *ctx, struct metrics_page *page)
{
	metrics_put(page, &level, NULL, *(const double *)ctx);
}

static void numbers_read_back(void **state)
{
	double values[] = {0.1 + 0.2, 1 / 3.0, 1732000000.123456, 9007199254740991};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct metrics *m = metrics_new();
		struct buf out = {0};
		metrics_provider(m, one_number, &values[i]);
		metrics_render(m, &out);
		assert_true(strtod(strrchr(out.data, ' ') + 1, NULL) == values[i]);
		buf_fini(&out);
		metrics_free(m);
	}
}

/* A module that got no registry needs no second path. */
static void nothing_without_registry(void **state)
{
	struct buf out = {0};

	(void)state;
	metrics_provider(NULL, two_workers, NULL);
	metrics_render(NULL, &out);
	assert_int_equal(out.length_bytes, 0);
	metrics_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_stand_together),  cmocka_unit_test(histogram_cumulates),
		cmocka_unit_test(providers_write_families), cmocka_unit_test(numbers_read_back),
		cmocka_unit_test(nothing_without_registry),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
