/* Serves the pages of the metrics port. */
#include "observe/metrics_page.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/version.h"

static const struct metric_desc build_info = {"fairlead_build_info", "Always 1; the labels say what runs.",
					      METRIC_GAUGE, NULL, 0};
static const struct metric_desc start_time = {"process_start_time_seconds",
					      "Start of the process since the Unix epoch.", METRIC_GAUGE, NULL, 0};
static const struct metric_desc cpu = {"process_cpu_seconds_total", "User and system CPU time spent.", METRIC_COUNTER,
				       NULL, 0};
static const struct metric_desc resident = {"process_resident_memory_bytes", "Resident memory.", METRIC_GAUGE, NULL, 0};
static const struct metric_desc virtual = {"process_virtual_memory_bytes", "Virtual memory.", METRIC_GAUGE, NULL, 0};
static const struct metric_desc open_fds = {"process_open_fds", "Open file descriptors.", METRIC_GAUGE, NULL, 0};
static const struct metric_desc max_fds = {"process_max_fds", "Most file descriptors allowed.", METRIC_GAUGE, NULL, 0};

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

static void memory_put(struct metrics_page *page)
{
	unsigned long long size_pages, resident_pages;
	const double page_bytes = (double)sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return;
	if (fscanf(f, "%llu %llu", &size_pages, &resident_pages) == 2) {
		metrics_put(page, &virtual, NULL, (double)size_pages * page_bytes);
		metrics_put(page, &resident, NULL, (double)resident_pages * page_bytes);
	}
	fclose(f);
}

static void descriptors_put(struct metrics_page *page)
{
	struct rlimit limit;
	size_t count = 0;
	DIR *d = opendir("/proc/self/fd");

	if (d != NULL) {
		for (const struct dirent *e; (e = readdir(d)) != NULL;)
			count += e->d_name[0] != '.';
		closedir(d);
		metrics_put(page, &open_fds, NULL, (double)(count - 1)); /* without d's own */
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		metrics_put(page, &max_fds, NULL, (double)limit.rlim_cur);
}

static void process_put(void *ctx, struct metrics_page *page)
{
	const double *started_s = ctx;
	struct rusage used;

	metrics_put(page, &build_info, METRIC_LABELS({"version", version_text()}), 1);
	metrics_put(page, &start_time, NULL, *started_s);
	if (getrusage(RUSAGE_SELF, &used) == 0)
		metrics_put(page, &cpu, NULL, seconds(&used.ru_utime) + seconds(&used.ru_stime));
	memory_put(page);
	descriptors_put(page);
}

void metrics_page_init(struct metrics *m)
{
	static double started_s;

	started_s = (double)clock_wall_ms() / 1e3;
	metrics_provider(m, process_put, &started_s);
}

bool metrics_page_handle(void *ctx, const char *path, struct http_reply *reply)
{
	(void)ctx;
	if (strcmp(path, "/metrics") == 0)
		return false;
	http_header_set(reply, "X-Content-Type-Options", "nosniff");
	if (strcmp(path, "/proxyMode") == 0) {
		buf_puts(&reply->body, "nftables");
	} else if (strcmp(path, "/healthz") == 0) {
		buf_puts(&reply->body, "ok");
	} else {
		reply->status = 404;
		buf_puts(&reply->body, "404 page not found\n");
	}
	return true;
}

bool metrics_page_render(void *ctx, const char *path, struct http_reply *reply)
{
	(void)path;
	http_header_set(reply, "X-Content-Type-Options", "nosniff");
	reply->content_type = METRICS_CONTENT_TYPE;
	metrics_render(ctx, &reply->body);
	return true;
}
