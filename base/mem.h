/*
 * Memory that cannot fail, and arenas.
 *
 * Out of memory is fatal: kernel rules stay, the supervisor restarts us, and the restart is invisible.
 * An arena hands out zeroed memory that is freed all at once: one per object, one per turn. Not thread-safe.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t bytes); /* zeroed; freed with free() */
void *mem_resize(void *p, size_t bytes);
char *mem_strdup(const char *s);
/* count * bytes, fatal on overflow. */
void *mem_array(size_t count, size_t bytes);
/* An array with room for one item more than `count`: doubled when it is full. items NULL and *room 0: empty. */
void *mem_grow(void *items, size_t count, size_t *room, size_t item_bytes);
/* That array is empty: a large one is freed. */
void *mem_empty(void *items, size_t *room);
/*
 * Gives back the pages that are free between others, after work that needed much more for a while. Threads that
 * allocate wait for it: 5 to 10 ms with a heap of 60 MB.
 */
void mem_trim(void);
/* The first bytes of a large allocation are not needed any more: what is in them is lost, and the pages are free. */
void mem_give_back(void *p, size_t bytes);
/* What a library has allocated: fatal when that is NULL. Returns it; the library's own function frees it. */
void *mem_made(void *p);

struct arena;

/* first_bytes: size of the first chunk; later chunks double. */
struct arena *arena_new(size_t first_bytes);
void arena_free(struct arena *a); /* NULL is fine */
/* Forgets everything but keeps one chunk, so that a turn's arena settles on one allocation. */
void arena_reset(struct arena *a);
/* Zeroes all that was handed out, which stays valid: for secrets, before arena_free. */
void arena_wipe(struct arena *a);
void *arena_alloc(struct arena *a, size_t bytes);		     /* zeroed, aligned for any type */
void *arena_packed(struct arena *a, size_t bytes, size_t alignment); /* zeroed, aligned as asked: a power of two */
void *arena_array(struct arena *a, size_t count, size_t bytes);
char *arena_strndup(struct arena *a, const char *s, size_t length_bytes); /* adds the NUL */
char *arena_strdup(struct arena *a, const char *s);			  /* NULL stays NULL */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Bytes taken from the system, for the memory bars. */
size_t arena_bytes(const struct arena *a);

#endif
