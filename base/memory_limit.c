/* The memory limits of this process, from control groups and rlimits. */
#include "base/memory_limit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/read_file.h"

#define PATH_BYTES 640
#define FILE_MAX_BYTES (1u << 20)
#define NO_LIMIT (UINT64_C(1) << 62) /* version 1 says 2^63 less a page */
#define RESERVE_BYTES (UINT64_C(24) << 20)

/* ---- files ---- */

static char *read_below(const char *folder, const char *name)
{
	char path[PATH_BYTES];
	size_t length;

	snprintf(path, sizeof path, "%s%s", folder, name);
	return read_file(path, FILE_MAX_BYTES, &length);
}

/* "max", and what cannot be read, is UINT64_MAX. */
static uint64_t read_number(const char *folder, const char *name)
{
	char *text = read_below(folder, name), *end = text;
	uint64_t value = text != NULL ? strtoull(text, &end, 10) : 0;
	const bool known = end != text;

	free(text);
	return known ? value : UINT64_MAX;
}

/* The number behind `key` in a file of lines "key number". 0: not there. */
static uint64_t read_keyed(const char *folder, const char *name, const char *key)
{
	char *text = read_below(folder, name), *at;
	uint64_t value = 0;

	for (char *line = text != NULL ? strtok_r(text, "\n", &at) : NULL; line != NULL;
	     line = strtok_r(NULL, "\n", &at))
		if (strncmp(line, key, strlen(key)) == 0 && strchr(" \t", line[strlen(key)]) != NULL)
			value = strtoull(line + strlen(key), NULL, 10);
	free(text);
	return value;
}

/* ---- control groups ---- */

struct hierarchy {
	enum memory_source source;
	const char *type, *controllers; /* as /proc/self/mountinfo and /proc/self/cgroup have them */
	const char *limit, *usage, *inactive;
};

static const struct hierarchy hierarchies[] = {
	{MEMORY_CGROUP2, "cgroup2", "", "/memory.max", "/memory.current", "inactive_file"},
	{MEMORY_CGROUP1, "cgroup", "memory", "/memory.limit_in_bytes", "/memory.usage_in_bytes", "total_inactive_file"},
};

/* An empty word is in an empty list only. */
static bool listed(const char *list, const char *word)
{
	const size_t length = strlen(word);

	if (length == 0)
		return list[0] == '\0';
	for (const char *p = list; (p = strstr(p, word)) != NULL; p += length)
		if ((p == list || p[-1] == ',') && (p[length] == ',' || p[length] == '\0'))
			return true;
	return false;
}

/* The path of our group in this hierarchy: "5:memory:/a/b", "0::/a/b". False: we are in none. */
static bool find_path(const struct hierarchy *h, const char *root, char path[PATH_BYTES])
{
	char *text = read_below(root, "/proc/self/cgroup"), *at;
	bool found = false;

	for (char *line = text != NULL ? strtok_r(text, "\n", &at) : NULL; line != NULL && !found;
	     line = strtok_r(NULL, "\n", &at)) {
		char *controllers = strchr(line, ':'), *group;
		if (controllers == NULL || (group = strchr(controllers + 1, ':')) == NULL)
			continue;
		*group++ = '\0';
		found = listed(controllers + 1, h->controllers);
		snprintf(path, PATH_BYTES, "%s", strcmp(group, "/") == 0 ? "" : group);
	}
	free(text);
	return found;
}

/* Of a line of mountinfo: the group that is mounted, and where. False: it is of another kind. */
static bool read_mount(const struct hierarchy *h, char *line, const char **group, const char **where)
{
	char *fields[5], *rest = strstr(line, " - "), *at, *type;

	if (rest == NULL)
		return false;
	*rest = '\0';
	for (size_t i = 0; i < 5; i++)
		if ((fields[i] = strtok_r(i == 0 ? line : NULL, " ", &at)) == NULL)
			return false;
	type = strtok_r(rest + 3, " ", &at);
	if (type == NULL || strcmp(type, h->type) != 0 || strtok_r(NULL, " ", &at) == NULL)
		return false;
	*group = strcmp(fields[3], "/") == 0 ? "" : fields[3];
	*where = fields[4];
	return h->controllers[0] == '\0' || listed(at, h->controllers);
}

/*
 * What is left of our group's path below the mount point. A container may see its own group mounted there, under the
 * path that the host has for it, or, with a namespace of groups, see a path that leads nowhere.
 */
static const char *below_mount(const char *path, const char *group)
{
	size_t length = strlen(group);

	if (strncmp(path, group, length) != 0 || (path[length] != '/' && path[length] != '\0') ||
	    strstr(path, "/..") != NULL)
		return "";
	return path + length;
}

static bool find_folder(const struct hierarchy *h, const char *root, char mount[PATH_BYTES], char folder[PATH_BYTES])
{
	char *text, *at, path[PATH_BYTES];
	const char *group, *where;
	bool found = false;

	if (!find_path(h, root, path) || (text = read_below(root, "/proc/self/mountinfo")) == NULL)
		return false;
	for (char *line = strtok_r(text, "\n", &at); line != NULL && !found; line = strtok_r(NULL, "\n", &at)) {
		if (!read_mount(h, line, &group, &where))
			continue;
		found = snprintf(mount, PATH_BYTES, "%s%s", root, where) < PATH_BYTES &&
			snprintf(folder, PATH_BYTES, "%s%s", mount, below_mount(path, group)) < PATH_BYTES;
	}
	free(text);
	return found;
}

/* The group and all above it, up to the mount point: the smallest limit counts. */
static void look_at_groups(struct memory_limit *l, const struct hierarchy *h, const char *root)
{
	char mount[PATH_BYTES], folder[PATH_BYTES];

	if (!find_folder(h, root, mount, folder))
		return;
	for (;;) {
		uint64_t limit = read_number(folder, h->limit);
		if (limit < NO_LIMIT && limit < l->limit_bytes && strlen(folder) < sizeof l->folder) {
			l->source = h->source;
			l->limit_bytes = limit;
			snprintf(l->folder, sizeof l->folder, "%.511s", folder);
		}
		char *slash = strrchr(folder, '/');
		if (strlen(folder) <= strlen(mount) || slash == NULL)
			break;
		*slash = '\0';
	}
}

/* ---- the public side ---- */

void memory_limit_find(struct memory_limit *l, const char *root)
{
	const uint64_t machine = read_keyed(root, "/proc/meminfo", "MemTotal:") * 1024;
	struct rlimit data;

	*l = (struct memory_limit){.root = root, .limit_bytes = machine != 0 ? machine : UINT64_MAX};
	for (size_t i = 0; i < sizeof hierarchies / sizeof *hierarchies; i++)
		look_at_groups(l, &hierarchies[i], root);
	if (getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY && data.rlim_cur < l->limit_bytes) {
		l->source = MEMORY_RLIMIT;
		l->limit_bytes = data.rlim_cur;
	}
	if (l->limit_bytes == UINT64_MAX)
		l->limit_bytes = 0;
}

/* /proc/self/statm: size, resident, shared, text, 0, data; in pages. */
static bool read_pages(const char *root, unsigned field, uint64_t *bytes)
{
	char *text = read_below(root, "/proc/self/statm"), *at = text;
	uint64_t pages = 0;

	for (unsigned i = 0; i <= field && at != NULL; i++)
		pages = strtoull(at, &at, 10);
	free(text);
	*bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return pages != 0;
}

static bool group_used(const struct memory_limit *l, const struct hierarchy *h, uint64_t *bytes)
{
	const uint64_t used = read_number(l->folder, h->usage);
	const uint64_t inactive = read_keyed(l->folder, "/memory.stat", h->inactive);

	*bytes = used > inactive ? used - inactive : 0;
	return used != UINT64_MAX;
}

bool memory_limit_used(const struct memory_limit *l, uint64_t *bytes)
{
	for (size_t i = 0; i < sizeof hierarchies / sizeof *hierarchies; i++)
		if (hierarchies[i].source == l->source)
			return group_used(l, &hierarchies[i], bytes);
	return read_pages(l->root, l->source == MEMORY_RLIMIT ? 5 : 1, bytes);
}

uint64_t memory_limit_target(const struct memory_limit *l)
{
	const uint64_t half = l->limit_bytes / 2, eighth = l->limit_bytes / 8;
	const uint64_t reserve = eighth > RESERVE_BYTES ? eighth : RESERVE_BYTES;

	return l->source == MEMORY_MACHINE || reserve > half ? half : l->limit_bytes - reserve;
}

const char *memory_source_text(enum memory_source source)
{
	static const char *const texts[] = {[MEMORY_MACHINE] = "machine",
					    [MEMORY_CGROUP2] = "control group",
					    [MEMORY_CGROUP1] = "control group",
					    [MEMORY_RLIMIT] = "RLIMIT_DATA"};

	return texts[source];
}
