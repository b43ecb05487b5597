/* Follows the resolv.conf of --forward. */
#include "daemon/forward_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/read_file.h"
#include "daemon/followed_file.h"

#define FILE_BYTES_MAX (1 << 20)

struct forward_file {
	const char *path;
	struct forward *forward;
	struct followed_file watch;
	size_t count;
	struct forward_server to[UPSTREAMS_MAX];
	bool warned;
	bool searches; /* are wanted */
	struct name own;
};

static void warn_once(struct forward_file *f, const char *why)
{
	if (!f->warned)
		log_warn("dns: %s: %s; %s", f->path, why,
			 f->count > 0 ? "the servers that it named before are asked"
				      : "names outside the cluster are answered SERVFAIL");
	f->warned = true;
}

static bool same(const struct forward_file *f, const struct forward_server *to, size_t count)
{
	if (count != f->count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (to[i].at.port != f->to[i].at.port || !addr_equal(&to[i].at.addr, &f->to[i].at.addr))
			return false;
	return true;
}

static void searches_tell(struct forward *forward, const char *text, size_t length, const struct name *own)
{
	struct search_domains *d = mem_alloc(sizeof *d);

	d->count = plan_read_searches(text, length, own, d->items);
	forward_set_searches(forward, d);
	free(d);
}

void forward_file_searches(const char *path, struct forward *forward, const struct name *own)
{
	size_t length;
	char *text = read_regular_file(path, FILE_BYTES_MAX, &length);

	if (text != NULL) /* else there is no list */
		searches_tell(forward, text, length, own);
	free(text);
}

void forward_file_reload(struct forward_file *f)
{
	struct forward_server to[UPSTREAMS_MAX];
	size_t length, count;

	if (f == NULL)
		return;
	char *text = read_regular_file(f->path, FILE_BYTES_MAX, &length);
	if (text == NULL) {
		warn_once(f, read_file_reason(errno));
		return;
	}
	count = plan_read_file(text, length, to);
	if (f->searches)
		searches_tell(f->forward, text, length, &f->own);
	free(text);
	if (count == 0) {
		warn_once(f, "no nameserver with an address");
		return;
	}
	f->warned = false;
	if (same(f, to, count))
		return;
	memcpy(f->to, to, count * sizeof *to);
	f->count = count;
	forward_set_upstreams(f->forward, f->to, count);
	char first[ADDR_PORT_TEXT_BYTES];
	log_info("dns: %s names %zu server%s, the first is %s", f->path, count, count == 1 ? "" : "s",
		 addr_port_format(&to[0].at.addr, to[0].at.port, first));
}

static void on_changed(void *ctx)
{
	forward_file_reload(ctx);
}

struct forward_file *forward_file_open(const char *path, struct forward *forward, struct ev_loop *loop,
				       const struct name *own)
{
	struct forward_file *f = mem_alloc(sizeof *f);

	f->path = path;
	f->forward = forward;
	f->searches = own != NULL;
	if (own != NULL)
		f->own = *own;
	followed_file_open(&f->watch, path, loop, on_changed, f);
	forward_file_reload(f);
	return f;
}

void forward_file_close(struct forward_file *f)
{
	if (f == NULL)
		return;
	followed_file_close(&f->watch);
	free(f);
}
