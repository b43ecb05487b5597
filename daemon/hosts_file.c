/* Follows the file of --dns-hosts. */
#include "daemon/hosts_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/read_file.h"
#include "daemon/followed_file.h"
#include "dns/zone/hosts.h"

#define LINE_BYTES 512
#define REST_S 0.1 /* from a change to the look at it: an edit in place is empty and half before it is whole */

struct hosts_file {
	const char *path;
	struct zone *zone;
	struct lan_zone *lan;
	struct followed_file watch;
	struct ev_loop *loop;
	ev_timer rest;
	bool served;   /* a version is */
	uint64_t last; /* hash of the version that was looked at last; 0: none was */
	int failed;    /* errno of the last attempt to read it */
};

static void refuse(const struct hosts_file *h, const char *why)
{
	log_warn("dns: %s: %s; %s", h->path, why,
		 h->served ? "the names that it had before stay" : "no static names are served");
}

static void publish(struct hosts_file *h, const char *text, size_t length)
{
	struct hosts_report report;
	char line[LINE_BYTES];
	struct static_names *names = hosts_parse(text, length, zone_domain(h->zone), &report);

	for (int i = 0; i < HOSTS_PROBLEMS; i++) {
		if (!hosts_problem_format(&report, (enum hosts_problem_kind)i, line, sizeof line))
			continue;
		if (i == HOSTS_LOOPBACK)
			log_info("dns: %s: %s", h->path, line);
		else
			log_warn("dns: %s: %s", h->path, line);
	}
	if (names == NULL) {
		refuse(h, report.refused);
		return;
	}
	log_info("dns: %s: %zu static name%s", h->path, static_names_count(names),
		 static_names_count(names) == 1 ? "" : "s");
	zone_hosts_set(h->zone, names);
	lan_zone_changed(h->lan);
	h->served = true;
}

void hosts_file_reload(struct hosts_file *h)
{
	size_t length;

	if (h == NULL)
		return;
	char *text = read_regular_file(h->path, HOSTS_BYTES_MAX, &length);
	if (text == NULL) {
		if (h->failed != errno)
			refuse(h, errno == EFBIG ? "larger than 16 MB" : read_file_reason(errno));
		h->failed = errno;
		return;
	}
	uint64_t version = hash_key(text, length) | 1;
	if (h->failed != 0 || version != h->last)
		publish(h, text, length);
	h->failed = 0;
	h->last = version;
	free(text);
}

static void on_rested(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	hosts_file_reload(w->data);
}

static void on_changed(void *ctx)
{
	struct hosts_file *h = ctx;

	if (!ev_is_active(&h->rest)) {
		ev_timer_set(&h->rest, REST_S, 0.);
		ev_timer_start(h->loop, &h->rest);
	}
}

struct hosts_file *hosts_file_open(const char *path, struct zone *zone, struct lan_zone *lan, struct ev_loop *loop)
{
	struct hosts_file *h = mem_alloc(sizeof *h);

	h->path = path;
	h->zone = zone;
	h->lan = lan;
	h->loop = loop;
	ev_init(&h->rest, on_rested);
	h->rest.data = h;
	followed_file_open(&h->watch, path, loop, on_changed, h);
	hosts_file_reload(h);
	return h;
}

void hosts_file_close(struct hosts_file *h)
{
	if (h == NULL)
		return;
	followed_file_close(&h->watch);
	ev_timer_stop(h->loop, &h->rest);
	free(h);
}
