/* Keeps what is to be tried again. */
#include "watch/manifest/manifest_retry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

double manifest_retry_s = 5.0;

bool retry_is_passing(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO || error == ENOSPC ||
	       error == EAGAIN;
}

static void keys_free(struct map *keys)
{
	char *key;
	size_t at = 0;

	while ((key = map_next(keys, &at)) != NULL)
		free(key);
	map_fini(keys);
	*keys = (struct map){0};
}

static char *key_make(const char *what, const char *path)
{
	const size_t bytes = strlen(what) + strlen(path) + 2;
	char *key = mem_alloc(bytes);

	snprintf(key, bytes, "%s %s", what, path);
	return key;
}

bool retry_note(struct retry *r, const char *what, const char *path)
{
	char *key = key_make(what, path);

	if (map_get_str(&r->waiting, key) != NULL) {
		free(key);
		return false;
	}
	map_put_str(&r->waiting, key, key);
	return map_get_str(&r->before, key) == NULL;
}

bool retry_has(const struct retry *r, const char *what, const char *path)
{
	char *key = key_make(what, path);
	const bool has = map_get_str(&r->waiting, key) != NULL;

	free(key);
	return has;
}

bool retry_waits(const struct retry *r)
{
	return map_count(&r->waiting) != 0;
}

void retry_begin(struct retry *r)
{
	r->before = r->waiting;
	r->waiting = (struct map){0};
}

void retry_end(struct retry *r)
{
	keys_free(&r->before);
}

void retry_fini(struct retry *r)
{
	keys_free(&r->waiting);
	keys_free(&r->before);
}
