/*
 * Which directories decide where a path leads: those of its own components, and of the components of every link on it.
 * A new link in any of them (a release link, git-sync, ..data of a Kubernetes volume) is a change of the path, as is
 * a directory that is put in the place of another one. Main thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_LINKS_H
#define WATCH_MANIFEST_MANIFEST_LINKS_H

#include "base/map.h"
#include "watch/manifest/manifest_watch.h"

#define LINKS_MAX 10000	   /* paths that are followed; further ones are not */
#define LINK_STEPS_MAX 128 /* directories looked into on one path */

struct links { /* zero = none, but for the watcher */
	struct watcher *watcher;
	struct map by_path; /* what is followed */
	struct map by_step; /* by watch and name: who depends on it */
};

/*
 * Follows the path, anew: `from` is the directory to begin in ("" = that of the process), rest what is walked from
 * there. key: what links_find gives. False: it is not followed, or not all of it, errno says why.
 */
bool links_follow(struct links *l, const char *key, const char *from, const char *rest);
void links_forget(struct links *l, const char *key);
void links_forget_below(struct links *l, const char *key); /* and the key's own, as path_is_below says */
/* Calls found for each path for which the event means a change. found may not change what is followed. */
void links_find(const struct links *l, const struct inotify_event *e, void (*found)(void *ctx, const char *key),
		void *ctx);
void links_fini(struct links *l);

#endif
