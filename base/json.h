/*
 * JSON text, written front to back into a buffer. Commas, brackets and escapes are the writer's business; `key` is
 * NULL inside arrays and at the top. Not thread-safe. (Reading JSON is the decoder's business, in watch/.)
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define JSON_DEPTH 16

struct json { /* {.out = &buf} is ready to use */
	struct buf *out;
	unsigned depth;
	bool comma;
	char close[JSON_DEPTH];
};

void json_object(struct json *j, const char *key); /* opens {…}; every open has its json_end */
void json_array(struct json *j, const char *key);  /* opens […] */
void json_end(struct json *j);
void json_string(struct json *j, const char *key, const char *value); /* NULL is null */
void json_number(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);

#endif
