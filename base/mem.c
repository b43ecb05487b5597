/* Allocates memory or ends the process; arenas. */
#include "base/mem.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"

#define EMPTY_ROOM_MAX 1024 /* items that an empty array keeps room for */

void *mem_alloc(size_t bytes)
{
	void *p = calloc(1, bytes != 0 ? bytes : 1);

	if (p == NULL)
		fatalx("out of memory: %zu bytes", bytes);
	return p;
}

void *mem_resize(void *p, size_t bytes)
{
	void *q = realloc(p, bytes != 0 ? bytes : 1);

	if (q == NULL)
		fatalx("out of memory: %zu bytes", bytes);
	return q;
}

char *mem_strdup(const char *s)
{
	size_t bytes = strlen(s) + 1;

	return memcpy(mem_alloc(bytes), s, bytes);
}

static size_t product(size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total))
		fatalx("out of memory: %zu items of %zu bytes", count, bytes);
	return total;
}

void *mem_array(size_t count, size_t bytes)
{
	return mem_alloc(product(count, bytes));
}

void *mem_grow(void *items, size_t count, size_t *room, size_t item_bytes)
{
	if (count < *room)
		return items;
	*room = *room == 0 ? 2 : *room * 2; /* many arrays have one item */
	return mem_resize(items, *room * item_bytes);
}

void *mem_empty(void *items, size_t *room)
{
	if (*room < EMPTY_ROOM_MAX)
		return items;
	free(items);
	*room = 0;
	return NULL;
}

void mem_trim(void)
{
	malloc_trim(0);
}

void mem_give_back(void *p, size_t bytes)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = ((uintptr_t)p + page - 1) & ~(page - 1);
	const uintptr_t end = ((uintptr_t)p + bytes) & ~(page - 1);

	if (end > start)
		madvise((void *)start, end - start, MADV_DONTNEED); /* else they are free with the rest */
}

void *mem_made(void *p)
{
	if (p == NULL)
		fatalx("out of memory");
	return p;
}

/* A block of memory. The first one is the arena itself: an arena for each object must not cost two blocks. */
struct arena {
	struct arena *newest; /* of the first block only; the newest is the largest, too */
	struct arena *before;
	size_t size_bytes, used_bytes;
	alignas(max_align_t) unsigned char data[];
};

static struct arena *block_new(size_t bytes, struct arena *before)
{
	struct arena *block = malloc(sizeof *block + bytes);

	if (block == NULL)
		fatalx("out of memory: %zu bytes", bytes);
	block->before = before;
	block->size_bytes = bytes;
	block->used_bytes = 0;
	return block;
}

struct arena *arena_new(size_t first_bytes)
{
	struct arena *a = block_new(first_bytes != 0 ? first_bytes : 256, NULL);

	a->newest = a;
	return a;
}

/* From this one on, but for the first. */
static void blocks_free(const struct arena *a, struct arena *block)
{
	while (block != a) {
		struct arena *before = block->before;
		free(block);
		block = before;
	}
}

void arena_free(struct arena *a)
{
	if (a == NULL)
		return;
	blocks_free(a, a->newest);
	free(a);
}

void arena_wipe(struct arena *a)
{
	for (struct arena *block = a->newest; block != NULL; block = block->before)
		explicit_bzero(block->data, block->used_bytes);
}

void arena_reset(struct arena *a)
{
	if (a->newest != a) {
		blocks_free(a, a->newest->before);
		a->newest->before = a;
	}
	a->newest->used_bytes = 0;
}

void *arena_packed(struct arena *a, size_t bytes, size_t alignment)
{
	struct arena *block = a->newest;
	size_t start = (block->used_bytes + alignment - 1) & ~(alignment - 1);

	if (start > block->size_bytes || bytes > block->size_bytes - start) {
		const size_t doubled = block->size_bytes * 2;
		block = block_new(doubled > bytes ? doubled : bytes, block);
		a->newest = block;
		start = 0;
	}
	block->used_bytes = start + bytes;
	return memset(block->data + start, 0, bytes);
}

void *arena_alloc(struct arena *a, size_t bytes)
{
	return arena_packed(a, bytes, alignof(max_align_t));
}

void *arena_array(struct arena *a, size_t count, size_t bytes)
{
	return arena_alloc(a, product(count, bytes));
}

char *arena_strndup(struct arena *a, const char *s, size_t length_bytes)
{
	char *copy = arena_packed(a, length_bytes + 1, 1);

	memcpy(copy, s, length_bytes);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s != NULL ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		fatalx("bad format: %s", fmt);
	char *text = arena_packed(a, (size_t)n + 1, 1);
	va_start(ap, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

size_t arena_bytes(const struct arena *a)
{
	size_t bytes = 0;

	for (const struct arena *block = a->newest; block != NULL; block = block->before)
		bytes += block->size_bytes;
	return bytes;
}
