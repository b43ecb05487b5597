/* Finds directories by path, inode and watch. */
#include "watch/manifest/manifest_dirs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct dir *dirs_get(const struct dirs *d, const char *path)
{
	return map_get_str(&d->by_path, path);
}

struct dir *dirs_of_identity(const struct dirs *d, uint64_t identity)
{
	return map_get(&d->by_identity, &identity, sizeof identity);
}

struct dir *dirs_of_watch(const struct dirs *d, int wd)
{
	return map_get(&d->by_wd, &wd, sizeof wd);
}

struct dir *dirs_parent(const struct dirs *d, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (path[0] == '\0')
		return NULL;
	/* map.h: a key is bytes; that of map_get_str is the text without its end */
	return map_get(&d->by_path, path, slash != NULL ? (size_t)(slash - path) : 0);
}

static void identity_forget(struct dirs *d, struct dir *dir)
{
	if (dirs_of_identity(d, dir->identity) == dir)
		map_del(&d->by_identity, &dir->identity, sizeof dir->identity);
}

void dirs_identity_set(struct dirs *d, struct dir *dir, uint64_t identity)
{
	identity_forget(d, dir);
	dir->identity = identity;
	map_put(&d->by_identity, &dir->identity, sizeof dir->identity, dir);
}

static void watch_forget(struct dirs *d, struct dir *dir)
{
	if (dir->wd >= 0 && dirs_of_watch(d, dir->wd) == dir)
		map_del(&d->by_wd, &dir->wd, sizeof dir->wd);
}

void dirs_watch_set(struct dirs *d, struct dir *dir, int wd)
{
	watch_forget(d, dir);
	dir->wd = wd;
	if (wd >= 0)
		map_put(&d->by_wd, &dir->wd, sizeof dir->wd, dir);
}

static void parent_link(struct dir *parent, struct dir *dir)
{
	dir->next = parent->dirs;
	dir->at = &parent->dirs;
	if (dir->next != NULL)
		dir->next->at = &dir->next;
	parent->dirs = dir;
}

struct dir *dirs_add(struct dirs *d, const char *path, uint64_t identity)
{
	struct dir *dir = mem_alloc(sizeof *dir), *parent = dirs_parent(d, path);

	assert(path[0] == '\0' || parent != NULL);
	*dir = (struct dir){.path = mem_strdup(path), .wd = -1, .identity = identity};
	map_put_str(&d->by_path, dir->path, dir);
	map_put(&d->by_identity, &dir->identity, sizeof dir->identity, dir);
	if (parent != NULL)
		parent_link(parent, dir);
	return dir;
}

void dirs_remove(struct dirs *d, struct dir *dir)
{
	if (dir->at != NULL)
		*dir->at = dir->next;
	if (dir->next != NULL)
		dir->next->at = dir->at;
	watch_forget(d, dir);
	identity_forget(d, dir);
	map_del_str(&d->by_path, dir->path);
	free(dir->path);
	free(dir);
}

void dirs_fini(struct dirs *d)
{
	map_fini(&d->by_path);
	map_fini(&d->by_identity);
	map_fini(&d->by_wd);
}

void dir_file_add(struct dir *dir, struct file *f)
{
	if (dir == NULL)
		return;
	f->next_in_dir = dir->files;
	f->at_in_dir = &dir->files;
	if (f->next_in_dir != NULL)
		f->next_in_dir->at_in_dir = &f->next_in_dir;
	dir->files = f;
}

void dir_file_remove(struct file *f)
{
	if (f->at_in_dir != NULL)
		*f->at_in_dir = f->next_in_dir;
	if (f->next_in_dir != NULL)
		f->next_in_dir->at_in_dir = f->at_in_dir;
}
