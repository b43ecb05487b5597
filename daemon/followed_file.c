/* Follows a file of the configuration. */
#include "daemon/followed_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path_watch.h"

#define POLL_S 5. /* without inotify */

static void on_changed(struct ev_loop *loop, ev_io *w, int events)
{
	const struct followed_file *f = w->data;

	(void)loop, (void)events;
	if (path_watch_changed(w->fd, f->path))
		f->fn(f->ctx);
}

static void on_poll(struct ev_loop *loop, ev_timer *w, int events)
{
	const struct followed_file *f = w->data;

	(void)loop, (void)events;
	f->fn(f->ctx);
}

void followed_file_open(struct followed_file *f, const char *path, struct ev_loop *loop, void (*fn)(void *ctx),
			void *ctx)
{
	int fd = path_watch_open(path);

	*f = (struct followed_file){.path = path, .loop = loop, .fn = fn, .ctx = ctx};
	ev_io_init(&f->changed, on_changed, fd, EV_READ);
	ev_timer_init(&f->poll, on_poll, POLL_S, POLL_S);
	f->changed.data = f->poll.data = f;
	if (fd >= 0) {
		ev_io_start(loop, &f->changed);
		return;
	}
	log_warn("%s: cannot be watched: %s; it is read every 5 s", path, strerror(errno));
	ev_timer_start(loop, &f->poll);
}

void followed_file_close(struct followed_file *f)
{
	if (f->loop == NULL)
		return;
	ev_io_stop(f->loop, &f->changed);
	ev_timer_stop(f->loop, &f->poll);
	if (f->changed.fd >= 0)
		close(f->changed.fd);
}
