/*
 * The kinds that are read, and whether a document's kind and version are one of them, were probably meant to be, or are
 * another program's. Constant data; pure functions.
 */
#ifndef WATCH_DECODE_KINDS_H
#define WATCH_DECODE_KINDS_H

#include <stdbool.h>

struct decoder;
struct place;

struct kind {
	const char *name;
	const char *versions[3]; /* NULL behind the last */
	bool namespaced;
	bool (*name_ok)(const char *s);
	void (*decode)(struct decoder *d, const struct place *root);
};

/* NULL: not read, in this version or at all. */
const struct kind *kind_find(const char *name, const char *version);
bool kind_is_workload(const char *name); /* read only to say that nothing starts its pods */
bool kind_is_list(const char *name);	 /* "List", "ServiceList" */

enum kind_match {
	KIND_OURS,
	KIND_MISTYPED,	       /* *meant: the kind that is near it */
	KIND_VERSION_MISTYPED, /* a kind of ours; *meant: the version that is read */
	KIND_UNKNOWN,	       /* another program's */
};
/* api_version "": any will do. */
enum kind_match kind_match(const char *api_version, const char *kind, const char **meant);

#endif
