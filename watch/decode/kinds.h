/*
 * The kinds that are read, and whether a document's kind and version are one of them, were probably meant to be, or are
 * another program's. Constant data; pure functions.
 */
#ifndef WATCH_DECODE_KINDS_H
#define WATCH_DECODE_KINDS_H

#include <stdbool.h>

#include "watch/decode/decode_field.h"

struct kind {
	const char *name;
	const char *versions[3]; /* NULL behind the last */
	bool namespaced;
	bool (*name_ok)(const char *s);
	void (*decode)(struct decoder *d, const struct place *root);
};

/* NULL: not read, in this version or at all. */
const struct kind *kind_find(const char *name, const char *version);
bool kind_is_list(const char *name); /* "List", "ServiceList" */

#endif
