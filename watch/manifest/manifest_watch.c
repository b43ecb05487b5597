/* inotify watches with a count. */
#include "watch/manifest/manifest_watch.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"

#define READ_MOST_BYTES ((size_t)64 << 10) /* of events in one turn: others may be made as fast as they are read */

struct watch {
	int wd;
	unsigned users;
};

struct watcher {
	int fd;
	struct map watches; /* by wd, which the kernel does not use again */
};

struct watcher *watcher_new(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct watcher *w;

	if (fd < 0)
		return NULL;
	w = mem_alloc(sizeof *w);
	w->fd = fd;
	return w;
}

void watcher_free(struct watcher *w)
{
	struct watch *one;
	size_t at = 0;

	if (w == NULL)
		return;
	while ((one = map_next(&w->watches, &at)) != NULL)
		free(one);
	map_fini(&w->watches);
	close(w->fd);
	free(w);
}

int watcher_fd(const struct watcher *w)
{
	return w->fd;
}

int watcher_add(struct watcher *w, const char *directory, uint32_t events)
{
	int wd = inotify_add_watch(w->fd, directory, events | IN_ONLYDIR | IN_MASK_ADD);
	struct watch *one;

	if (wd < 0)
		return -1;
	one = map_get(&w->watches, &wd, sizeof wd);
	if (one == NULL) {
		one = mem_alloc(sizeof *one);
		one->wd = wd;
		map_put(&w->watches, &one->wd, sizeof one->wd, one);
	}
	one->users++;
	return wd;
}

void watcher_remove(struct watcher *w, int wd)
{
	struct watch *one = wd >= 0 ? map_get(&w->watches, &wd, sizeof wd) : NULL;

	if (one == NULL || --one->users != 0)
		return;
	inotify_rm_watch(w->fd, wd); /* fails when the directory is gone */
	map_del(&w->watches, &wd, sizeof wd);
	free(one);
}

/* Both halves of a rename are told together. */
static bool is_half(const struct inotify_event *last)
{
	return (last->mask & IN_MOVED_FROM) != 0;
}

void watcher_read(struct watcher *w, void (*event)(void *ctx, const struct inotify_event *e), void *ctx)
{
	_Alignas(struct inotify_event) char events[16384];
	const struct inotify_event *e = NULL;
	size_t bytes = 0;
	ssize_t n;

	while ((bytes < READ_MOST_BYTES || is_half(e)) && (n = read(w->fd, events, sizeof events)) > 0) {
		for (ssize_t i = 0; i < n; i += (ssize_t)(sizeof *e + e->len)) {
			e = (const struct inotify_event *)(const void *)(events + i);
			event(ctx, e);
		}
		bytes += (size_t)n;
	}
}
