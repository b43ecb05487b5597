/* Inside of watch/manifest/: what the tree knows, for the part that reads events. */
#ifndef WATCH_MANIFEST_MANIFEST_TREE_PRIVATE_H
#define WATCH_MANIFEST_MANIFEST_TREE_PRIVATE_H

#include "watch/manifest/manifest_dirs.h"
#include "watch/manifest/manifest_links.h"
#include "watch/manifest/manifest_tree.h"

struct tree {
	struct loader *loader;
	struct watcher *watcher; /* NULL: not followed */
	struct links links;	 /* the way to the root, and links below it */
	struct map files;	 /* by path */
	struct dirs dirs;
	bool follow;
	bool root_lost; /* said once until it is back */
	bool again;	/* a directory was dropped by what is found below it: all is to be looked at once more */
};

/* Makes what is known of a path what is there now. force: read files even if their stamp is unchanged. */
void tree_refresh(struct tree *t, const char *path, bool force);
/* After one or more of these. */
void tree_refresh_end(struct tree *t);

#endif
