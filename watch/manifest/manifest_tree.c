/* Which files and directories there are below the root. */
#include "watch/manifest/manifest_tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watch/manifest/manifest_path.h"
#include "watch/manifest/manifest_reading.h"
#include "watch/manifest/manifest_tree_private.h"

#define DIR_EVENTS                                                                                           \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | \
	 IN_MOVE_SELF)

static uint64_t identity_of(const struct stat *st)
{
	return (uint64_t)st->st_dev << 32 ^ st->st_ino;
}

/* ---- dropping ---- */

static void file_drop(struct tree *t, struct file *f)
{
	map_del_str(&t->files, f->path);
	links_forget(&t->links, f->path);
	file_free(t->loader, f);
}

static void dir_drop(struct tree *t, struct dir *d)
{
	map_del_str(&t->dirs, d->path);
	if (t->watcher != NULL)
		watcher_remove(t->watcher, d->wd);
	free(d->path);
	free(d);
}

/* Everything at or below a path that is no more. */
static void drop_below(struct tree *t, const char *path)
{
	struct file *f;
	struct dir *d;
	size_t at = 0;

	while ((f = map_next(&t->files, &at)) != NULL)
		if (path_is_below(f->path, path))
			file_drop(t, f);
	at = 0;
	while ((d = map_next(&t->dirs, &at)) != NULL)
		if (path_is_below(d->path, path))
			dir_drop(t, d);
	if (path[0] != '\0')
		links_forget_below(&t->links, path);
}

/* ---- files ---- */

static void file_refresh(struct tree *t, const char *path, const struct stat *st, bool force)
{
	struct file *f = map_get_str(&t->files, path);
	uint64_t stamp[4];

	reading_stamp(stamp, st);
	if (f != NULL && !force && memcmp(f->stamp, stamp, sizeof stamp) == 0)
		return;
	if (f == NULL) {
		f = file_new(path);
		map_put_str(&t->files, f->path, f);
	}
	file_load(t->loader, f, st);
}

/* ---- directories ---- */

static const struct dir *dir_elsewhere(const struct tree *t, const char *path, uint64_t identity)
{
	const struct dir *d;
	size_t at = 0;

	while ((d = map_next(&t->dirs, &at)) != NULL)
		if (d->identity == identity && strcmp(d->path, path) != 0)
			return d;
	return NULL;
}

/* The same directory under a second path: a link, unless the first is a name it had until just now. */
static bool dir_is_double(struct tree *t, const char *path, uint64_t identity)
{
	const struct dir *d;

	while ((d = dir_elsewhere(t, path, identity)) != NULL) {
		char *gone = mem_strdup(d->path), *full = path_join(t->loader->root, gone);
		struct stat st;
		bool there = stat(full, &st) == 0 && identity_of(&st) == identity;
		if (!there)
			drop_below(t, gone);
		free(full);
		free(gone);
		if (there)
			return true;
	}
	return false;
}

static void dir_watch(struct tree *t, struct dir *d, const char *full)
{
	const int before = d->wd;

	if (t->watcher == NULL)
		return;
	d->wd = watcher_add(t->watcher, full, DIR_EVENTS);
	if (d->wd < 0 && (!retry_is_passing(errno) || retry_note(&t->loader->retry, "watch", d->path)))
		loader_report(t->loader, d->path, "cannot be watched, looked at every %g s instead: %s",
			      manifest_retry_s,
			      errno == ENOSPC ? "fs.inotify.max_user_watches is too low" : strerror(errno));
	watcher_remove(t->watcher, before);
}

/* What was known directly in this directory and is gone. */
static void dir_forget(struct tree *t, const char *dir, const struct map *present)
{
	size_t n = strlen(dir), at = 0;
	struct file *f;
	const struct dir *d;

	while ((f = map_next(&t->files, &at)) != NULL) {
		const char *name = f->path + n + (n != 0);
		if (path_is_below(f->path, dir) && strchr(name, '/') == NULL && map_get_str(present, name) == NULL)
			file_drop(t, f);
	}
	at = 0;
	while ((d = map_next(&t->dirs, &at)) != NULL) {
		const char *name = d->path + n + (n != 0);
		if (strlen(d->path) > n && path_is_below(d->path, dir) && strchr(name, '/') == NULL &&
		    map_get_str(present, name) == NULL) {
			char *gone = mem_strdup(d->path);
			drop_below(t, gone);
			free(gone);
			at = 0;
		}
	}
}

static bool is_of_interest(const struct tree *t, const char *path, const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN ||
		path_is_manifest(entry->d_name) || map_get_str(&t->dirs, path) != NULL);
}

static bool dir_names(struct tree *t, const char *path, const char *full, struct arena *arena, struct map *present)
{
	DIR *handle = opendir(full);
	struct dirent *entry;

	if (handle == NULL) {
		loader_unread(t->loader, path, errno);
		return false;
	}
	while ((entry = readdir(handle)) != NULL) {
		char *child = path_join(path, entry->d_name);
		if (is_of_interest(t, child, entry)) {
			char *name = arena_strdup(arena, entry->d_name);
			map_put_str(present, name, name);
		}
		free(child);
	}
	closedir(handle);
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In the order of names: what is said about files then reads the same every time. */
static void refresh_each(struct tree *t, const char *path, const struct map *present)
{
	const char **names = mem_array(map_count(present), sizeof *names), *name;
	size_t at = 0, count = 0;

	while ((name = map_next(present, &at)) != NULL)
		names[count++] = name;
	qsort(names, count, sizeof *names, compare_names);
	for (size_t i = 0; i < count; i++) {
		char *child = path_join(path, names[i]);
		tree_refresh(t, child, false);
		free(child);
	}
	free(names);
}

static void dir_scan(struct tree *t, const char *path, const char *full, bool known)
{
	struct arena *arena = arena_new(4096);
	struct map present = {0};

	if (dir_names(t, path, full, arena, &present)) {
		if (known)
			dir_forget(t, path, &present);
		refresh_each(t, path, &present);
	}
	map_fini(&present);
	arena_free(arena);
}

static void dir_refresh(struct tree *t, const char *path, const char *full, const struct stat *st)
{
	if (dir_is_double(t, path, identity_of(st))) {
		loader_report(t->loader, path, "is a link to a directory that is read already: skipped");
		return;
	}
	if (path_depth(path) >= MANIFEST_DEPTH_MAX) {
		loader_report(t->loader, path, "is deeper than %d directories: skipped", MANIFEST_DEPTH_MAX);
		return;
	}
	struct dir *d = map_get_str(&t->dirs, path); /* not before dir_is_double, which may drop it */
	const bool known = d != NULL;
	if (d != NULL && d->identity != identity_of(st)) {
		dir_drop(t, d);
		d = NULL;
	}
	if (d == NULL) {
		d = mem_alloc(sizeof *d);
		*d = (struct dir){.path = mem_strdup(path), .wd = -1, .identity = identity_of(st)};
		map_put_str(&t->dirs, d->path, d);
	}
	dir_watch(t, d, full); /* also when known: a directory made anew may have the old one's inode, not its watch */
	dir_scan(t, path, full, known);
}

/* ---- any path ---- */

/* A root that went away says nothing about objects: the last state stays until it is back. */
static void path_lost(struct tree *t, const char *path)
{
	struct file *f = map_get_str(&t->files, path);
	struct stat st;

	if (path[0] != '\0' && stat(t->loader->root, &st) == 0) {
		if (f != NULL)
			file_drop(t, f);
		else if (map_get_str(&t->dirs, path) != NULL)
			drop_below(t, path);
		return;
	}
	if (!t->root_lost)
		loader_report(t->loader, "", "is gone: the last state stays until it is back");
	t->root_lost = true;
}

/* A link to nothing is a mistake, but for those of a Kubernetes volume, whose key left ..data a moment before. */
static bool is_wrong_link(const char *full)
{
	char target[4] = "";
	ssize_t n = readlink(full, target, sizeof target - 1);

	return n > 0 && (strncmp(target, "..", 2) != 0 || target[2] == '/');
}

/* Whatever decides where the path leads is followed: the way to the root, and each link below it. */
static void path_follow(struct tree *t, const char *path, const char *full)
{
	struct stat st;
	bool ok = true;

	if (t->watcher == NULL)
		return;
	if (path[0] == '\0') {
		ok = links_follow(&t->links, path, "", t->loader->root);
	} else if (lstat(full, &st) == 0 && S_ISLNK(st.st_mode)) {
		char *above = mem_strdup(full);
		*strrchr(above, '/') = '\0';
		ok = links_follow(&t->links, path, above, path_name(full));
		free(above);
	} else {
		links_forget(&t->links, path);
	}
	if (!ok && (!retry_is_passing(errno) || retry_note(&t->loader->retry, "follow", path)))
		loader_report(t->loader, path, "the links on its way are not followed: %s",
			      errno == ENOSPC ? "too many, or fs.inotify.max_user_watches is too low"
					      : strerror(errno));
}

void tree_refresh(struct tree *t, const char *path, bool force)
{
	char *full = path_join(t->loader->root, path);
	struct stat st;

	path_follow(t, path, full);
	if (stat(full, &st) != 0) {
		int why = errno;
		if (retry_is_passing(why)) { /* that says nothing about what is there */
			loader_unread(t->loader, path, why);
			free(full);
			return;
		}
		path_lost(t, path);
		if (path_is_manifest(path_name(path)) && ((why != ENOENT && why != ENOTDIR) || is_wrong_link(full)))
			loader_report(t->loader, path, "cannot be read: %s", strerror(why));
	} else if (S_ISDIR(st.st_mode)) {
		t->root_lost = t->root_lost && path[0] != '\0';
		dir_refresh(t, path, full, &st);
	} else if (path[0] == '\0' || path_is_manifest(path_name(path))) {
		file_refresh(t, path, &st, force);
	}
	free(full);
}

/* ---- open and close ---- */

/* Without an inotify instance the tree is looked at now and then, and this is tried again. */
static void tree_watch(struct tree *t)
{
	if (!t->follow || t->watcher != NULL)
		return;
	t->watcher = watcher_new();
	t->links.watcher = t->watcher;
	if (t->watcher == NULL && retry_note(&t->loader->retry, "inotify", ""))
		loader_report(t->loader, "", "cannot be followed, looked at every %g s instead: inotify: %s",
			      manifest_retry_s,
			      errno == EMFILE ? "fs.inotify.max_user_instances is too low, or no descriptor is left"
					      : strerror(errno));
}

void tree_retry(struct tree *t)
{
	retry_begin(&t->loader->retry);
	tree_watch(t);
	tree_refresh(t, "", false);
	retry_end(&t->loader->retry);
}

struct tree *tree_open(struct loader *l, bool follow)
{
	struct tree *t;
	struct stat st;

	if (stat(l->root, &st) != 0) {
		loader_report(l, "", "cannot be read: %s", strerror(errno));
		return NULL;
	}
	t = mem_alloc(sizeof *t);
	*t = (struct tree){.loader = l};
	t->follow = follow;
	tree_watch(t);
	tree_refresh(t, "", false);
	return t;
}

void tree_close(struct tree *t)
{
	drop_below(t, "");
	map_fini(&t->files);
	map_fini(&t->dirs);
	links_fini(&t->links);
	watcher_free(t->watcher);
	free(t);
}

int tree_fd(const struct tree *t)
{
	return t->watcher != NULL ? watcher_fd(t->watcher) : -1;
}

size_t tree_files(const struct tree *t)
{
	return map_count(&t->files);
}
