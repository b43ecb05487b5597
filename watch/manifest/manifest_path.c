/* Paths as texts. */
#include "watch/manifest/manifest_path.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n > m && strcmp(name + n - m, suffix) == 0;
}

bool path_is_manifest(const char *name)
{
	return name[0] != '.' && (has_suffix(name, ".yaml") || has_suffix(name, ".yml") || has_suffix(name, ".json"));
}

char *path_join(const char *a, const char *b)
{
	size_t bytes = strlen(a) + strlen(b) + 2;
	char *path = mem_alloc(bytes);

	snprintf(path, bytes, "%s%s%s", a, a[0] != '\0' && b[0] != '\0' ? "/" : "", b);
	return path;
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

bool path_is_below(const char *path, const char *directory)
{
	size_t n = strlen(directory);

	return n == 0 || (strncmp(path, directory, n) == 0 && (path[n] == '/' || path[n] == '\0'));
}

size_t path_depth(const char *path)
{
	size_t n = 0;

	for (; *path != '\0'; path++)
		n += *path == '/';
	return n;
}

const char *path_format(char *text, size_t bytes, const char *root, const char *path)
{
	snprintf(text, bytes, "%s%s%s", root, path[0] != '\0' ? "/" : "", path);
	return text;
}
