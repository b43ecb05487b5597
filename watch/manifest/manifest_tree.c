#include "watch/manifest/manifest_tree.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define DIR_EVENTS                                                                                           \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | \
	 IN_MOVE_SELF)
#define ROOT_EVENTS (IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE)

struct dir {
	char *path; /* below the root, "" = the root */
	int wd;
	uint64_t identity; /* device and inode */
};

struct tree {
	struct loader *loader;
	int fd;
	int parent_wd; /* the directory that holds the root's name */
	char *root_name;
	struct map files, dirs; /* by path */
	bool root_lost;		/* said once until it is back */
};

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

static bool is_manifest(const char *name)
{
	return name[0] != '.' && (has_suffix(name, ".yaml") || has_suffix(name, ".yml") || has_suffix(name, ".json"));
}

static char *join(const char *a, const char *b)
{
	size_t bytes = strlen(a) + strlen(b) + 2;
	char *path = mem_alloc(bytes);

	snprintf(path, bytes, "%s%s%s", a, a[0] != '\0' && b[0] != '\0' ? "/" : "", b);
	return path;
}

static uint64_t identity_of(const struct stat *st)
{
	return (uint64_t)st->st_dev << 32 ^ st->st_ino;
}

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return n == 0 || (strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0'));
}

/* ---- dropping ---- */

static void file_drop(struct tree *t, struct file *f)
{
	map_del_str(&t->files, f->path);
	file_free(t->loader, f);
}

static void dir_drop(struct tree *t, struct dir *d)
{
	map_del_str(&t->dirs, d->path);
	if (t->fd >= 0 && d->wd >= 0)
		inotify_rm_watch(t->fd, d->wd);
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
		if (is_below(f->path, path))
			file_drop(t, f);
	at = 0;
	while ((d = map_next(&t->dirs, &at)) != NULL)
		if (is_below(d->path, path))
			dir_drop(t, d);
}

/* ---- files ---- */

static void file_refresh(struct tree *t, const char *path, const struct stat *st, bool force)
{
	struct file *f = map_get_str(&t->files, path);
	uint64_t stamp[4];

	file_stamp(stamp, st);
	if (f != NULL && !force && memcmp(f->stamp, stamp, sizeof stamp) == 0)
		return;
	if (f == NULL) {
		f = file_new(path);
		map_put_str(&t->files, f->path, f);
	}
	file_load(t->loader, f);
}

/* ---- directories ---- */

static void refresh(struct tree *t, const char *path, bool force);

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
		char *gone = mem_strdup(d->path), *full = join(t->loader->root, gone);
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
	if (t->fd < 0)
		return;
	d->wd = inotify_add_watch(t->fd, full, DIR_EVENTS | IN_ONLYDIR | IN_MASK_ADD);
	if (d->wd < 0)
		loader_report(t->loader, d->path, "cannot be watched, changes in it are not seen: %s",
			      errno == ENOSPC ? "fs.inotify.max_user_watches is too low" : strerror(errno));
}

/* What was known directly in this directory and is gone. */
static void dir_forget(struct tree *t, const char *dir, const struct map *present)
{
	size_t n = strlen(dir), at = 0;
	struct file *f;
	const struct dir *d;

	while ((f = map_next(&t->files, &at)) != NULL) {
		const char *name = f->path + n + (n != 0);
		if (is_below(f->path, dir) && strchr(name, '/') == NULL && map_get_str(present, name) == NULL)
			file_drop(t, f);
	}
	at = 0;
	while ((d = map_next(&t->dirs, &at)) != NULL) {
		const char *name = d->path + n + (n != 0);
		if (strlen(d->path) > n && is_below(d->path, dir) && strchr(name, '/') == NULL &&
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
		is_manifest(entry->d_name) || map_get_str(&t->dirs, path) != NULL);
}

static bool dir_names(struct tree *t, const char *path, const char *full, struct arena *arena, struct map *present)
{
	DIR *handle = opendir(full);
	struct dirent *entry;

	if (handle == NULL) {
		loader_report(t->loader, path, "cannot be read: %s", strerror(errno));
		return false;
	}
	while ((entry = readdir(handle)) != NULL) {
		char *child = join(path, entry->d_name);
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
		char *child = join(path, names[i]);
		refresh(t, child, false);
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

static size_t depth_of(const char *path)
{
	size_t n = 0;

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n;
}

static void dir_refresh(struct tree *t, const char *path, const char *full, const struct stat *st)
{
	struct dir *d = map_get_str(&t->dirs, path);
	bool known = d != NULL;

	if (dir_is_double(t, path, identity_of(st))) {
		loader_report(t->loader, path, "is a link to a directory that is read already: skipped");
		return;
	}
	if (depth_of(path) >= MANIFEST_DEPTH_MAX) {
		loader_report(t->loader, path, "is deeper than %d directories: skipped", MANIFEST_DEPTH_MAX);
		return;
	}
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

/* Makes what is known of a path what is there now. force: read files even if their stamp is unchanged. */
static void refresh(struct tree *t, const char *path, bool force)
{
	char *full = join(t->loader->root, path);
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	struct stat st;

	if (stat(full, &st) != 0) {
		int why = errno;
		path_lost(t, path);
		if (is_manifest(name) && ((why != ENOENT && why != ENOTDIR) || is_wrong_link(full)))
			loader_report(t->loader, path, "cannot be read: %s", strerror(why));
	} else if (S_ISDIR(st.st_mode)) {
		t->root_lost = t->root_lost && path[0] != '\0';
		dir_refresh(t, path, full, &st);
	} else if (path[0] == '\0' || is_manifest(name)) {
		file_refresh(t, path, &st, force);
	}
	free(full);
}

/* ---- events ---- */

struct todo {
	struct map paths; /* to refresh in this turn, each once */
	struct arena *arena;
	bool all;
};

static const struct dir *dir_of_watch(const struct tree *t, int wd)
{
	const struct dir *d;
	size_t at = 0;

	while ((d = map_next(&t->dirs, &at)) != NULL)
		if (d->wd == wd)
			return d;
	return NULL;
}

static void todo_add(struct todo *todo, const char *dir, const char *name)
{
	char *path = arena_printf(todo->arena, "%s%s%s", dir, dir[0] != '\0' && name[0] != '\0' ? "/" : "", name);

	map_put_str(&todo->paths, path, path);
}

/*
 * A created regular file is not read yet: its writer closes or renames it, and that event follows. Only what comes
 * without one, a link, is read at once. IN_ATTRIB counts for files that could not be read.
 */
static bool event_is_early(const struct tree *t, const struct dir *d, const struct inotify_event *e)
{
	char *path = join(d->path, e->name), *full = join(t->loader->root, path);
	const struct file *f = map_get_str(&t->files, path);
	bool early = false;
	struct stat st;

	if (e->mask & IN_ATTRIB)
		early = f == NULL || !f->failed;
	else if ((e->mask & IN_CREATE) && !(e->mask & IN_ISDIR) && lstat(full, &st) == 0)
		early = S_ISREG(st.st_mode) && st.st_nlink == 1;
	free(path);
	free(full);
	return early;
}

static void event_note(struct tree *t, struct todo *todo, const struct inotify_event *e)
{
	const struct dir *d;

	if (e->mask & IN_Q_OVERFLOW) {
		todo->all = true;
		return;
	}
	if (e->wd == t->parent_wd && e->len != 0 && strcmp(e->name, t->root_name) == 0) {
		todo_add(todo, "", "");
		return;
	}
	d = dir_of_watch(t, e->wd);
	if (d == NULL)
		return;
	if (e->len == 0) {
		if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
			todo_add(todo, d->path, "");
	} else if (strncmp(e->name, "..", 2) == 0) {
		todo_add(todo, d->path,
			 ""); /* the ..data link of a Kubernetes volume: all links in it may point elsewhere */
	} else if (e->name[0] != '.' && !event_is_early(t, d, e)) {
		todo_add(todo, d->path, e->name);
	}
}

void tree_reload(struct tree *t)
{
	struct file *f;
	size_t at = 0;

	while ((f = map_next(&t->files, &at)) != NULL)
		f->stamp[0] = ~f->stamp[0]; /* a change may hide behind an equal time stamp */
	refresh(t, "", true);
}

void tree_event(struct tree *t)
{
	_Alignas(struct inotify_event) char events[16384];
	struct todo todo = {.arena = arena_new(4096)};
	size_t at = 0;
	const char *path;
	ssize_t n;

	while ((n = read(t->fd, events, sizeof events)) > 0)
		for (ssize_t i = 0; i < n;) {
			const struct inotify_event *e = (const struct inotify_event *)(const void *)(events + i);
			event_note(t, &todo, e);
			i += (ssize_t)(sizeof *e + e->len);
		}
	if (todo.all)
		tree_reload(t);
	else
		while ((path = map_next(&todo.paths, &at)) != NULL)
			refresh(t, path, true);
	map_fini(&todo.paths);
	arena_free(todo.arena);
}

/* ---- open and close ---- */

/* The root itself may be replaced: its name is watched where it is written. */
static void root_watch(struct tree *t)
{
	char *path = mem_strdup(t->loader->root), *slash;
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	slash = strrchr(path, '/');
	t->root_name = mem_strdup(slash != NULL ? slash + 1 : path);
	if (slash != NULL)
		slash[slash == path] = '\0';
	t->parent_wd = inotify_add_watch(t->fd, slash != NULL ? path : ".", ROOT_EVENTS | IN_ONLYDIR | IN_MASK_ADD);
	free(path);
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
	*t = (struct tree){.loader = l, .fd = -1, .parent_wd = -1};
	if (follow) {
		t->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (t->fd < 0)
			loader_report(l, "", "cannot be followed: inotify: %s", strerror(errno));
		else
			root_watch(t);
	}
	refresh(t, "", false);
	return t;
}

void tree_close(struct tree *t)
{
	drop_below(t, "");
	map_fini(&t->files);
	map_fini(&t->dirs);
	if (t->fd >= 0)
		close(t->fd);
	free(t->root_name);
	free(t);
}

int tree_fd(const struct tree *t)
{
	return t->fd;
}

size_t tree_files(const struct tree *t)
{
	return map_count(&t->files);
}
