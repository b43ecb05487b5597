/* Reads a manifest file, cuts it, and finds the documents that were there before. */
#include "watch/manifest/manifest_reading.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/read_file.h"
#include "watch/manifest/manifest_said.h"

/* ---- bytes ---- */

static bool read_all(int fd, char *bytes, size_t room, size_t *length_bytes)
{
	*length_bytes = 0;
	while (*length_bytes < room) {
		ssize_t n = read(fd, bytes + *length_bytes, room - *length_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0;
		*length_bytes += (size_t)n;
	}
	return true;
}

static int error_of(int fd, const struct stat *st)
{
	if (fd < 0)
		return errno == ENOTSUP ? READING_NOT_A_FILE : errno;
	return (size_t)st->st_size > MANIFEST_FILE_MAX_BYTES ? READING_TOO_LARGE : 0;
}

char *reading_bytes(const char *path, struct stat *st, size_t *length_bytes, int *error)
{
	int fd = open_regular_file(path, st);
	char *bytes = NULL;

	*error = error_of(fd, st);
	if (*error == 0) {
		bytes = mem_resize(NULL, (size_t)st->st_size); /* not zeroed: it may be large */
		if (read_all(fd, bytes, (size_t)st->st_size, length_bytes)) {
			bytes = text_to_utf8(bytes, length_bytes);
		} else {
			*error = errno;
			free(bytes);
			bytes = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return bytes;
}

void reading_stamp(uint64_t stamp[4], const struct stat *st)
{
	stamp[0] = (uint64_t)st->st_dev << 32 ^ st->st_ino;
	stamp[1] = (uint64_t)st->st_size;
	stamp[2] = (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec;
	stamp[3] = (uint64_t)st->st_ctim.tv_sec * 1000000000 + (uint64_t)st->st_ctim.tv_nsec;
}

/* ---- comparing with what was there before ---- */

struct known {		    /* between the head and the tail that are unchanged */
	struct map by_hash; /* the first, counted from 1 */
	uint32_t *next;	    /* with the same hash, counted from 1 */
};

static struct known known_collect(const struct reading *r, size_t head, size_t tail)
{
	struct known k = {.next = mem_array(r->hash_count + 1, sizeof *k.next)};

	for (size_t i = r->hash_count - tail; i > head; i--) {
		const uint64_t *hash = &r->hashes[i - 1];
		k.next[i - 1] = (uint32_t)(uintptr_t)map_put(&k.by_hash, hash, sizeof *hash, (void *)(uintptr_t)i);
	}
	return k;
}

static uint32_t known_take(struct known *k, const struct reading *r, uint64_t hash)
{
	const size_t first = (uintptr_t)map_get(&k->by_hash, &hash, sizeof hash);

	if (first == 0)
		return READING_NEW;
	if (k->next[first - 1] != 0)
		map_put(&k->by_hash, &r->hashes[first - 1], sizeof hash, (void *)(uintptr_t)k->next[first - 1]);
	else
		map_del(&k->by_hash, &hash, sizeof hash);
	return (uint32_t)(first - 1);
}

static void match(struct reading *r)
{
	const size_t count = r->cuts.count, known_count = r->hash_count;
	const size_t most = known_count < count ? known_count : count;
	size_t head = 0, tail = 0;

	r->same = mem_array(count + 1, sizeof *r->same);
	while (head < most && r->hashes[head] == r->cuts.all[head].hash)
		head++;
	while (tail < most - head && r->hashes[known_count - 1 - tail] == r->cuts.all[count - 1 - tail].hash)
		tail++;
	struct known k = known_collect(r, head, tail);
	for (size_t i = 0; i < count; i++) {
		if (i < head)
			r->same[i] = (uint32_t)i;
		else if (i >= count - tail)
			r->same[i] = (uint32_t)(known_count - (count - i));
		else
			r->same[i] = known_take(&k, r, r->cuts.all[i].hash);
	}
	map_fini(&k.by_hash);
	free(k.next);
}

void reading_make(struct reading *r)
{
	r->bytes = reading_bytes(r->path, &r->st, &r->length_bytes, &r->error);
	if (r->bytes == NULL)
		return;
	r->cuts = cuts_of(r->bytes, r->length_bytes);
	match(r);
}

void reading_fini(struct reading *r)
{
	for (size_t i = 0; r->said != NULL && i < r->cuts.count; i++)
		said_free(r->said[i]);
	free(r->said);
	cuts_fini(&r->cuts);
	free(r->same);
	free(r->bytes);
	free(r->hashes);
	free(r->path);
	*r = (struct reading){0};
}
