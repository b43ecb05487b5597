/*
 * Reading single members out of JSON text without building a tree: the envelope of a watch event, the metadata of an
 * object or a list. The text may be cut off (the front of an object that was too large): what stands before the cut
 * is found. Spans are borrowed. Pure functions; the text may be hostile.
 */
#ifndef WATCH_API_SPAN_H
#define WATCH_API_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
	const char *bytes;
	size_t length_bytes;
};

/* The member `key` of the JSON object in `object`; a value that is cut off is returned as far as it goes. */
bool span_member(struct span object, const char *key, struct span *value);
/*
 * A JSON string as text without quotes, always NUL-terminated. False, and text "", when it is no string or does not
 * fit. Simple escapes and \u00XX below 128 are undone; other \u escapes become '?': names and tokens have none.
 */
bool span_text(struct span value, char *text, size_t room_bytes);
bool span_member_text(struct span object, const char *key, char *text, size_t room_bytes);
/* A number without fraction; `otherwise` when it is absent or none. */
int64_t span_member_number(struct span object, const char *key, int64_t otherwise);

#endif
