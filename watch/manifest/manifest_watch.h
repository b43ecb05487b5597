/*
 * inotify, counted: several paths may ask for one directory, and the kernel has one watch for it. Main thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_WATCH_H
#define WATCH_MANIFEST_MANIFEST_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/inotify.h>

struct watcher;

struct watcher *watcher_new(void); /* NULL: no inotify, errno says why */
void watcher_free(struct watcher *w);
int watcher_fd(const struct watcher *w);
/* A directory; the events are added to those that it is watched for. -1: errno says why. */
int watcher_add(struct watcher *w, const char *directory, uint32_t events);
/* As often as it was added; -1 is fine. */
void watcher_remove(struct watcher *w, int wd);
/* Calls event for what happened, of a flood for a part of it: the rest is for the next call. */
void watcher_read(struct watcher *w, void (*event)(void *ctx, const struct inotify_event *e), void *ctx);

#endif
