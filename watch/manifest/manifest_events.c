/* What inotify's events mean for the tree. */
#include <stdlib.h>
#include <string.h>

#include "watch/manifest/manifest_path.h"
#include "watch/manifest/manifest_tree_private.h"

struct todo {
	struct tree *tree;
	struct map paths; /* to refresh in this turn, each once */
	struct arena *arena;
	bool all;
};

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
	char *path = path_join(d->path, e->name), *full = path_join(t->loader->root, path);
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

/* Of a path that depends on the name that the event is about. */
static void note_path(void *ctx, const char *path)
{
	todo_add(ctx, path, "");
}

static void event_note(void *ctx, const struct inotify_event *e)
{
	struct todo *todo = ctx;
	struct tree *t = todo->tree;
	const struct dir *d;

	if (e->mask & IN_Q_OVERFLOW) {
		todo->all = true;
		return;
	}
	links_find(&t->links, e, note_path, todo);
	d = dirs_of_watch(&t->dirs, e->wd);
	if (d == NULL)
		return;
	if (e->len == 0) {
		if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF))
			todo_add(todo, d->path, "");
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
	tree_refresh(t, "", true);
	tree_refresh_end(t);
}

bool tree_event(struct tree *t)
{
	struct todo todo = {.tree = t, .arena = arena_new(4096)};
	size_t at = 0;
	const char *path;
	bool any;

	watcher_read(t->watcher, event_note, &todo);
	any = todo.all || map_count(&todo.paths) != 0;
	if (todo.all)
		tree_reload(t);
	else
		while ((path = map_next(&todo.paths, &at)) != NULL)
			tree_refresh(t, path, true);
	tree_refresh_end(t);
	map_fini(&todo.paths);
	arena_free(todo.arena);
	return any;
}
