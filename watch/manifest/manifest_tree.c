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
	dir_file_remove(f);
	links_forget(&t->links, f->path);
	file_free(t->loader, f);
}

/* With all that is in it, MANIFEST_DEPTH_MAX levels at most. */
static void dir_drop(struct tree *t, struct dir *d)
{
	while (d->files != NULL)
		file_drop(t, d->files);
	while (d->dirs != NULL)
		dir_drop(t, d->dirs);
	if (t->watcher != NULL)
		watcher_remove(t->watcher, d->wd);
	dirs_remove(&t->dirs, d);
}

/* Everything at or below a path that is no more. */
static void drop_below(struct tree *t, const char *path)
{
	struct file *f = map_get_str(&t->files, path);
	struct dir *d = dirs_get(&t->dirs, path);

	if (f != NULL)
		file_drop(t, f);
	if (d != NULL)
		dir_drop(t, d);
	if (path[0] != '\0')
		links_forget_below(&t->links, path);
}

/* Another thing has the path of what was there before. A root that is none says nothing about objects. */
static void before_drop(struct tree *t, const char *path)
{
	struct file *f = map_get_str(&t->files, path);
	struct dir *d = dirs_get(&t->dirs, path);

	if (path[0] == '\0')
		return;
	if (f != NULL)
		file_drop(t, f);
	if (d != NULL)
		dir_drop(t, d);
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
		before_drop(t, path);
		f = file_new(path);
		map_put_str(&t->files, f->path, f);
		dir_file_add(dirs_parent(&t->dirs, path), f);
	}
	file_load(t->loader, f, st);
}

/* ---- directories ---- */

/* The same directory under a second path: a link, unless the first is a name it had until just now. */
static bool dir_is_double(struct tree *t, const char *path, uint64_t identity)
{
	const struct dir *d;

	while ((d = dirs_of_identity(&t->dirs, identity)) != NULL && strcmp(d->path, path) != 0) {
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
	dirs_watch_set(&t->dirs, d, watcher_add(t->watcher, full, DIR_EVENTS));
	if (d->wd < 0 && (!retry_is_passing(errno) || retry_note(&t->loader->retry, "watch", d->path)))
		loader_report(t->loader, d->path, "cannot be watched, looked at every %g s instead: %s",
			      manifest_retry_s,
			      errno == ENOSPC ? "fs.inotify.max_user_watches is too low" : strerror(errno));
	watcher_remove(t->watcher, before);
}

/* What was known directly in this directory and is gone. */
static void dir_forget(struct tree *t, struct dir *dir, const struct map *present)
{
	for (struct file *f = dir->files, *next; f != NULL; f = next) {
		next = f->next_in_dir;
		if (map_get_str(present, path_name(f->path)) == NULL)
			file_drop(t, f);
	}
	for (struct dir *d = dir->dirs, *next; d != NULL; d = next) {
		next = d->next;
		if (map_get_str(present, path_name(d->path)) != NULL)
			continue;
		char *gone = mem_strdup(d->path);
		drop_below(t, gone);
		free(gone);
	}
}

static bool is_of_interest(const struct tree *t, const char *path, const struct dirent *entry)
{
	return entry->d_name[0] != '.' &&
	       (entry->d_type == DT_DIR || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN ||
		path_is_manifest(entry->d_name) || dirs_get(&t->dirs, path) != NULL);
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

static void dir_scan(struct tree *t, const char *path, const char *full)
{
	struct arena *arena = arena_new(4096);
	struct map present = {0};

	if (dir_names(t, path, full, arena, &present)) {
		dir_forget(t, dirs_get(&t->dirs, path), &present);
		refresh_each(t, path, &present);
	}
	map_fini(&present);
	arena_free(arena);
}

/* Not below a directory that is skipped, or was found to be gone: its path leads to where another one is read. */
static bool is_within(const struct tree *t, const char *path)
{
	return path[0] == '\0' || dirs_parent(&t->dirs, path) != NULL;
}

static void dir_refresh(struct tree *t, const char *path, const char *full, const struct stat *st)
{
	if (dir_is_double(t, path, identity_of(st))) {
		loader_report(t->loader, path, "is a link to a directory that is read already: skipped");
		before_drop(t, path);
		return;
	}
	if (path_depth(path) >= MANIFEST_DEPTH_MAX) {
		loader_report(t->loader, path, "is deeper than %d directories: skipped", MANIFEST_DEPTH_MAX);
		return;
	}
	if (!is_within(t, path)) { /* that dropped what it is in, which was known by the name of another */
		t->again = true;
		return;
	}
	struct dir *d = dirs_get(&t->dirs, path); /* not before dir_is_double, which may drop it */
	if (d == NULL) {
		before_drop(t, path);
		d = dirs_add(&t->dirs, path, identity_of(st));
	} else if (d->identity != identity_of(st)) {
		dirs_identity_set(&t->dirs, d, identity_of(st));
	}
	dir_watch(t, d, full); /* also when known: a directory made anew may have the old one's inode, not its watch */
	dir_scan(t, path, full);
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
		else if (dirs_get(&t->dirs, path) != NULL)
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
	char *full;
	struct stat st;

	if (!is_within(t, path))
		return;
	full = path_join(t->loader->root, path);
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
	} else {
		before_drop(t, path);
	}
	free(full);
}

void tree_refresh_end(struct tree *t)
{
	if (!t->again)
		return;
	t->again = false;
	tree_refresh(t, "", false);
	if (t->again) /* names change faster than they are read */
		retry_note(&t->loader->retry, "read", "");
	t->again = false;
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
	tree_refresh_end(t);
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
	tree_refresh_end(t);
	return t;
}

void tree_close(struct tree *t)
{
	drop_below(t, "");
	map_fini(&t->files);
	dirs_fini(&t->dirs);
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
