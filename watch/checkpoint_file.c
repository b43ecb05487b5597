/* Writes and reads the checkpoint file. */
#include "watch/checkpoint_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/hash.h"
#include "base/log.h"
#include "watch/decode/decode_pack.h"
#include "watch/identity.h"

/*
 * Form, in the host's byte order (a file of another order is refused):
 *   header, source text, records (u32 length, an object as watch/decode/decode_pack.h packs it), u32 0, u64 records,
 * u64 hash. The hash is chained over header, source, and each record's bytes.
 */
#define MAGIC "fairlead state\n"
#define STATE_VERSION 1
#define BYTE_ORDER_MARK 0x01020304u
#define WRITE_BYTES 65536
#define FILE_MAX_BYTES ((size_t)1 << 30)

struct header {
	char magic[16];
	uint32_t byte_order, version, pack_form, source_bytes;
	int64_t saved_wall_ms;
};

struct trailer { /* after the u32 0 */
	uint64_t records, hash;
};

/* ---- writing ---- */

struct checkpoint_file_writer {
	int directory_fd, fd, error; /* errno of the first failure */
	struct buf out;
	struct pack pack;
	struct trailer sum;
};

static char *path_in(const char *directory, const char *name)
{
	size_t bytes = strlen(directory) + strlen(name) + 2;
	char *path = mem_alloc(bytes);

	snprintf(path, bytes, "%s/%s", directory, name);
	return path;
}

static bool write_all(int fd, const char *bytes, size_t length_bytes)
{
	while (length_bytes != 0) {
		ssize_t n = write(fd, bytes, length_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes += n;
		length_bytes -= (size_t)n;
	}
	return true;
}

static void checkpoint_flush(struct checkpoint_file_writer *w)
{
	if (w->error == 0 && !write_all(w->fd, w->out.data, w->out.length_bytes))
		w->error = errno;
	buf_clear(&w->out);
}

static void add_hashed(struct checkpoint_file_writer *w, const void *bytes, size_t length_bytes)
{
	w->sum.hash = hash_bytes(bytes, length_bytes, w->sum.hash);
	buf_add(&w->out, bytes, length_bytes);
	if (w->out.length_bytes >= WRITE_BYTES)
		checkpoint_flush(w);
}

/* A new file in any case: what a writer that died left, or a link or FIFO that was put there, goes. */
static int temporary_open(int directory_fd)
{
	if (unlinkat(directory_fd, CHECKPOINT_FILE ".tmp", 0) != 0 && errno != ENOENT)
		return -1;
	return openat(directory_fd, CHECKPOINT_FILE ".tmp", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

struct checkpoint_file_writer *checkpoint_file_begin(const char *directory, const char *source, int64_t now_wall_ms)
{
	struct header h = {.magic = MAGIC,
			   .byte_order = BYTE_ORDER_MARK,
			   .version = STATE_VERSION,
			   .pack_form = pack_form(),
			   .source_bytes = (uint32_t)strlen(source),
			   .saved_wall_ms = now_wall_ms};
	const char *wrong;
	int directory_fd = folder_open(directory, 0700, false, &wrong);
	int fd = directory_fd >= 0 ? temporary_open(directory_fd) : -1;
	int reason = errno;

	if (fd < 0) {
		if (directory_fd >= 0)
			close(directory_fd);
		errno = reason;
		return NULL;
	}
	struct checkpoint_file_writer *w = mem_alloc(sizeof *w);
	w->directory_fd = directory_fd;
	w->fd = fd;
	add_hashed(w, &h, sizeof h);
	add_hashed(w, source, h.source_bytes);
	return w;
}

void checkpoint_file_put(struct checkpoint_file_writer *w, const struct object *o)
{
	uint32_t length;

	pack_object(&w->pack, o);
	length = (uint32_t)w->pack.bytes.length_bytes;
	buf_add(&w->out, &length, sizeof length);
	add_hashed(w, w->pack.bytes.data, length);
	w->sum.records++;
}

static void writer_free(struct checkpoint_file_writer *w)
{
	close(w->fd);
	buf_fini(&w->out);
	pack_fini(&w->pack);
	close(w->directory_fd);
	free(w);
}

void checkpoint_file_abandon(struct checkpoint_file_writer *w)
{
	unlinkat(w->directory_fd, CHECKPOINT_FILE ".tmp", 0);
	writer_free(w);
}

bool checkpoint_file_commit(struct checkpoint_file_writer *w)
{
	const char *from = CHECKPOINT_FILE ".tmp";
	const uint32_t end = 0;
	bool ok;

	buf_add(&w->out, &end, sizeof end);
	buf_add(&w->out, &w->sum, sizeof w->sum);
	checkpoint_flush(w);
	if (w->error != 0)
		errno = w->error;
	/* The rename itself must reach the disk too. */
	ok = w->error == 0 && fsync(w->fd) == 0 &&
	     renameat(w->directory_fd, from, w->directory_fd, CHECKPOINT_FILE) == 0 && fsync(w->directory_fd) == 0;
	int reason = errno;
	if (!ok)
		unlinkat(w->directory_fd, from, 0);
	writer_free(w);
	errno = reason;
	return ok;
}

/* ---- reading: n bytes from the position, or fail ---- */

struct reader {
	const uint8_t *at;
	size_t left;
};

static const void *checkpoint_take(struct reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if (n > r->left)
		return NULL;
	r->at += n;
	r->left -= n;
	return at;
}

static const char *header_read(struct reader *r, const char *source, struct header *h, uint64_t *hash)
{
	const void *bytes = checkpoint_take(r, sizeof *h);
	const char *text;

	if (bytes == NULL || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
		return "it is not a checkpoint file of fairlead";
	memcpy(h, bytes, sizeof *h);
	if (h->byte_order != BYTE_ORDER_MARK)
		return "it was written on a machine of another byte order";
	if (h->version != STATE_VERSION || h->pack_form != pack_form())
		return "it was written by another version";
	text = checkpoint_take(r, h->source_bytes);
	if (text == NULL)
		return "it is truncated";
	*hash = hash_bytes(text, h->source_bytes, hash_bytes(bytes, sizeof *h, 0));
	if (strlen(source) != h->source_bytes || memcmp(text, source, h->source_bytes) != 0)
		return "it is of another API server or node";
	return NULL;
}

static bool record_next(struct reader *r, const void **bytes, uint32_t *length)
{
	const void *prefix = checkpoint_take(r, sizeof *length);

	if (prefix == NULL)
		return false;
	memcpy(length, prefix, sizeof *length);
	*bytes = checkpoint_take(r, *length);
	return *bytes != NULL;
}

/* Walks all records before any is used: nothing of a damaged file is told. */
static const char *records_check(struct reader r, uint64_t hash, size_t *count)
{
	struct trailer said;
	const void *bytes;
	uint32_t length;

	for (*count = 0;; ++*count) {
		if (!record_next(&r, &bytes, &length))
			return "it is truncated";
		if (length == 0)
			break;
		hash = hash_bytes(bytes, length, hash);
	}
	bytes = checkpoint_take(&r, sizeof said);
	if (bytes == NULL)
		return "it is truncated";
	memcpy(&said, bytes, sizeof said);
	if (said.records != *count || said.hash != hash || r.left != 0)
		return "its checksum is wrong";
	return NULL;
}

static void checkpoint_tell(const struct sink *sink, struct object **objects, size_t count)
{
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		sink->list_begin(sink->ctx, (enum object_kind)kind);
	for (size_t i = 0; i < count; i++)
		sink->upsert(sink->ctx, objects[i]);
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		sink->list_end(sink->ctx, (enum object_kind)kind);
	sink->complete(sink->ctx);
	sink->turn_end(sink->ctx);
}

/* NULL: not an object that a source could have told. */
static struct object *record_object(const void *record, uint32_t length)
{
	struct object *o = pack_read(record, length);

	if (o == NULL || (o->kind < OBJECT_KINDS && identity_wrong(o) == NULL))
		return o;
	object_free(o);
	return NULL;
}

const char *checkpoint_file_read(const void *bytes, size_t length_bytes, const char *source, const struct sink *sink,
				 struct checkpoint_file_info *info)
{
	struct reader r = {bytes, length_bytes};
	struct object **objects;
	struct header h;
	uint64_t hash = 0;
	const void *record;
	uint32_t length;
	size_t count, n = 0;
	const char *wrong = header_read(&r, source, &h, &hash);

	if (wrong == NULL)
		wrong = records_check(r, hash, &count);
	if (wrong != NULL)
		return wrong;
	objects = mem_array(count, sizeof(struct object *));
	while (n < count && record_next(&r, &record, &length) && (objects[n] = record_object(record, length)) != NULL)
		n++;
	if (n == count) {
		checkpoint_tell(sink, objects, count);
		*info = (struct checkpoint_file_info){h.saved_wall_ms, count};
	} else {
		wrong = "it holds something that is not an object";
		while (n > 0)
			object_free(objects[--n]);
	}
	free(objects);
	return wrong;
}

static void *file_bytes(int fd, size_t *length_bytes, const char **wrong)
{
	struct stat st;
	char *bytes;
	size_t n = 0;

	*wrong = folder_file_wrong(fd);
	if (*wrong != NULL)
		return NULL;
	if (fstat(fd, &st) != 0 || (size_t)st.st_size > FILE_MAX_BYTES) {
		*wrong = "it is not a file of a sensible size";
		return NULL;
	}
	bytes = mem_alloc((size_t)st.st_size);
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, bytes + n, (size_t)st.st_size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	*length_bytes = n;
	return bytes;
}

/* Not a link, and a FIFO that was put there does not make us wait. */
static int file_open(const char *directory, const char **wrong)
{
	int directory_fd = folder_open(directory, 0700, false, wrong);

	if (directory_fd < 0)
		return -1;
	int fd = openat(directory_fd, CHECKPOINT_FILE, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	int reason = errno;
	if (fd < 0)
		*wrong = strerror(reason);
	close(directory_fd);
	errno = reason;
	return fd;
}

bool checkpoint_file_load(const char *directory, const char *source, const struct sink *sink,
			  struct checkpoint_file_info *info)
{
	char *path = path_in(directory, CHECKPOINT_FILE);
	const char *wrong = NULL;
	int fd = file_open(directory, &wrong);
	size_t n = 0;
	void *bytes = NULL;
	bool absent = fd < 0 && errno == ENOENT;

	if (fd >= 0)
		bytes = file_bytes(fd, &n, &wrong);
	if (bytes != NULL)
		wrong = checkpoint_file_read(bytes, n, source, sink, info);
	if (wrong != NULL && !absent)
		log_warn("state %s: ignored: %s", path, wrong);
	if (fd >= 0)
		close(fd);
	free(bytes);
	free(path);
	return wrong == NULL;
}
