/* The directories on the way to a path. */
#include "watch/manifest/manifest_links.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "watch/manifest/manifest_path.h"

#define STEP_EVENTS (IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE)
#define TARGET_EVENTS (STEP_EVENTS | IN_CLOSE_WRITE) /* of the file at the end: it may be written in place */

/* "The path asks for this name in this directory." */
struct step {
	struct step *next_in_path, *next_same, *previous_same;
	struct followed *path;
	char *full; /* of what has the name */
	int wd;
	size_t key_bytes;
	char key[]; /* wd, name */
};

struct followed {
	struct step *steps;
	char key[];
};

/* ---- steps ---- */

static void step_add(struct links *l, struct followed *f, int wd, const char *full)
{
	const char *name = path_name(full);
	const size_t n = strlen(name), key_bytes = sizeof wd + n;
	struct step *s = mem_alloc(sizeof *s + key_bytes);

	s->path = f;
	s->full = mem_strdup(full);
	s->wd = wd;
	s->key_bytes = key_bytes;
	memcpy(s->key, &wd, sizeof wd);
	memcpy(s->key + sizeof wd, name, n);
	s->next_in_path = f->steps;
	f->steps = s;
	s->next_same = map_get(&l->by_step, s->key, key_bytes);
	if (s->next_same != NULL)
		s->next_same->previous_same = s;
	map_put(&l->by_step, s->key, key_bytes, s);
}

static void step_free(struct links *l, struct step *s)
{
	if (s->next_same != NULL)
		s->next_same->previous_same = s->previous_same;
	if (s->previous_same != NULL)
		s->previous_same->next_same = s->next_same;
	else if (s->next_same != NULL) /* also the map's key */
		map_put(&l->by_step, s->next_same->key, s->key_bytes, s->next_same);
	else
		map_del(&l->by_step, s->key, s->key_bytes);
	watcher_remove(l->watcher, s->wd);
	free(s->full);
	free(s);
}

static void steps_free(struct links *l, struct step *steps)
{
	struct step *next;

	for (; steps != NULL; steps = next) {
		next = steps->next_in_path;
		step_free(l, steps);
	}
}

/* ---- the walk ---- */

struct walk {
	char at[PATH_MAX];   /* a directory without links on the way */
	char rest[PATH_MAX]; /* to be walked from there */
	unsigned links;	     /* met so far */
	int error;	     /* why a directory cannot be watched */
};

/* The next name of what is left; false at the end. */
static bool name_take(struct walk *w, char name[NAME_MAX + 1])
{
	const size_t slashes = strspn(w->rest, "/"), n = strcspn(w->rest + slashes, "/");

	if (n == 0 || n > NAME_MAX)
		return false;
	memcpy(name, w->rest + slashes, n);
	name[n] = '\0';
	memmove(w->rest, w->rest + slashes + n, strlen(w->rest + slashes + n) + 1);
	return true;
}

static bool walk_up(struct walk *w)
{
	char *slash = strrchr(w->at, '/');

	if (slash != NULL)
		slash[slash == w->at] = '\0';
	return slash != NULL;
}

static bool walk_link(struct walk *w, const char *full)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t n = readlink(full, target, sizeof target - 1);

	if (n <= 0 || w->links++ == 40) /* as the kernel counts them */
		return false;
	target[n] = '\0';
	if ((size_t)snprintf(rest, sizeof rest, "%s/%s", target, w->rest) >= sizeof rest)
		return false;
	memcpy(w->rest, rest, sizeof rest);
	if (target[0] == '/')
		memcpy(w->at, "/", 2);
	return true;
}

/* One name; watched before it is looked at, so that no change falls between. False: there is nothing beyond. */
static bool walk_step(struct links *l, struct followed *f, struct walk *w, const char *name)
{
	const bool last = strspn(w->rest, "/") == strlen(w->rest);
	char full[PATH_MAX];
	struct stat st;
	int wd;

	if (strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0)
		return walk_up(w);
	if ((size_t)snprintf(full, sizeof full, "%s/%s", w->at[1] != '\0' ? w->at : "", name) >= sizeof full)
		return false;
	if ((wd = watcher_add(l->watcher, w->at, last ? TARGET_EVENTS : STEP_EVENTS)) >= 0) {
		step_add(l, f, wd, full);
	} else if (errno != EACCES) { /* a directory that may be passed, not read: its changes are not seen */
		w->error = errno;
		return false;
	}
	if (lstat(full, &st) != 0)
		return false;
	if (S_ISLNK(st.st_mode))
		return walk_link(w, full);
	memcpy(w->at, full, sizeof full);
	return S_ISDIR(st.st_mode);
}

static bool walk_start(struct walk *w, const char *from, const char *rest)
{
	if ((size_t)snprintf(w->rest, sizeof w->rest, "%s", rest) >= sizeof w->rest)
		return false;
	memcpy(w->at, "/", 2);
	return rest[0] == '/' || realpath(from[0] != '\0' ? from : ".", w->at) != NULL;
}

static struct followed *followed_of(struct links *l, const char *key)
{
	struct followed *f = map_get_str(&l->by_path, key);

	if (f != NULL || map_count(&l->by_path) == LINKS_MAX)
		return f;
	f = mem_alloc(sizeof *f + strlen(key) + 1);
	memcpy(f->key, key, strlen(key) + 1);
	map_put_str(&l->by_path, f->key, f);
	return f;
}

bool links_follow(struct links *l, const char *key, const char *from, const char *rest)
{
	struct followed *f = followed_of(l, key);
	struct step *before;
	char name[NAME_MAX + 1];
	struct walk *w;
	size_t steps = 0;

	if (f == NULL) {
		errno = ENOSPC;
		return false;
	}
	before = f->steps; /* let go after the new ones: a watch in both stays */
	f->steps = NULL;
	w = mem_alloc(sizeof *w);
	if (walk_start(w, from, rest))
		while (steps++ < LINK_STEPS_MAX && name_take(w, name) && walk_step(l, f, w, name))
			;
	steps_free(l, before);
	errno = w->error;
	free(w);
	return errno == 0;
}

/* ---- asking ---- */

void links_forget(struct links *l, const char *key)
{
	struct followed *f = map_del_str(&l->by_path, key);

	if (f == NULL)
		return;
	steps_free(l, f->steps);
	free(f);
}

/* A new file: its writer closes or renames it, and that is the event that counts. */
static bool is_being_written(const char *full)
{
	struct stat st;

	return lstat(full, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

void links_find(const struct links *l, const struct inotify_event *e, void (*found)(void *ctx, const char *key),
		void *ctx)
{
	char key[sizeof e->wd + NAME_MAX + 1];
	const size_t n = e->len != 0 ? strnlen(e->name, NAME_MAX) : 0;

	memcpy(key, &e->wd, sizeof e->wd);
	memcpy(key + sizeof e->wd, e->name, n);
	for (const struct step *s = map_get(&l->by_step, key, sizeof e->wd + n); s != NULL; s = s->next_same)
		if (!(e->mask & IN_CREATE) || !is_being_written(s->full))
			found(ctx, s->path->key);
}

void links_forget_below(struct links *l, const char *key)
{
	struct followed *f;
	size_t at = 0;

	while ((f = map_next(&l->by_path, &at)) != NULL)
		if (path_is_below(f->key, key))
			links_forget(l, f->key);
}

void links_fini(struct links *l)
{
	struct followed *f;
	size_t at = 0;

	while ((f = map_next(&l->by_path, &at)) != NULL) {
		steps_free(l, f->steps);
		free(f);
	}
	map_fini(&l->by_path);
	map_fini(&l->by_step);
}
