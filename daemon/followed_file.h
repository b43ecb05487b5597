/*
 * Calls back when a path may lead to another file, or the file changed (base/path_watch.h); every 5 s where the kernel
 * has no inotify left. Main thread.
 */
#ifndef DAEMON_FOLLOWED_FILE_H
#define DAEMON_FOLLOWED_FILE_H

#include <ev.h>

struct followed_file {
	const char *path; /* borrowed */
	struct ev_loop *loop;
	ev_io changed;
	ev_timer poll;
	void (*fn)(void *ctx);
	void *ctx;
};

/* The caller reads the file once by itself. ctx outlives the watch. */
void followed_file_open(struct followed_file *f, const char *path, struct ev_loop *loop, void (*fn)(void *ctx),
			void *ctx);
void followed_file_close(struct followed_file *f); /* one that is all zero is fine */

#endif
