/* Follows a path through its links. */
#include "base/path_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS                                                                                                  \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | \
	 IN_ONLYDIR)

/* The part of the path that is known to be no link, and what is left of it. */
struct walk {
	char done[PATH_MAX], rest[PATH_MAX];
	unsigned links;
};

static bool join(char to[PATH_MAX], const char *folder, const char *name)
{
	char made[PATH_MAX];
	int n = snprintf(made, sizeof made, "%s/%s", folder, name);

	if (n < 0 || (size_t)n >= sizeof made)
		return false;
	memcpy(to, made, (size_t)n + 1);
	return true;
}

/* `step` is a link: goes on at what it says. */
static bool follow(struct walk *w, const char *step)
{
	char target[PATH_MAX];
	ssize_t n = readlink(step, target, sizeof target - 1);

	if (n <= 0 || ++w->links > PATH_WATCH_LINKS_MAX)
		return false;
	target[n] = '\0';
	if (target[0] == '/')
		w->done[0] = '\0';
	return join(w->rest, target, w->rest);
}

/* One component further. False: the end, or nothing is there. */
static bool walk_step(struct walk *w, int fd)
{
	char *name = w->rest + strspn(w->rest, "/"), step[PATH_MAX];
	size_t length = strcspn(name, "/");
	struct stat st;

	if (length == 0)
		return false;
	const char *more = name + length + strspn(name + length, "/");
	bool last = *more == '\0';
	int n = snprintf(step, sizeof step, "%s/%.*s", w->done, (int)length, name);
	if (n < 0 || (size_t)n >= sizeof step)
		return false;
	memmove(w->rest, more, strlen(more) + 1);
	bool there = lstat(step, &st) == 0;
	bool link = there && S_ISLNK(st.st_mode);
	if (last || link || !there)
		(void)inotify_add_watch(fd, w->done[0] != '\0' ? w->done : "/", EVENTS);
	if (link)
		return follow(w, step);
	memcpy(w->done, step, strlen(step) + 1);
	return there && !last;
}

static void watch_all(int fd, const char *path)
{
	struct walk w = {0};

	if (join(w.rest, "", path))
		while (walk_step(&w, fd))
			;
}

int path_watch_open(const char *path)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd >= 0)
		watch_all(fd, path);
	return fd;
}

bool path_watch_changed(int fd, const char *path)
{
	char events[4096];
	bool any = false;

	while (read(fd, events, sizeof events) > 0)
		any = true;
	if (any) /* a watch that is there is not added again; of others' events too many come, never too few */
		watch_all(fd, path);
	return any;
}
