/*
 * Objects that a file takes away by what looks like a mistake: it was emptied, or their kind or version was mistyped.
 * That is done, and told with their names once all is settled: only then is it known that no other file defines them.
 * Main thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_GONE_H
#define WATCH_MANIFEST_MANIFEST_GONE_H

#include "base/buf.h"
#include "watch/manifest/manifest_catalog.h"

struct loader;

/* One file's, in one turn. */
struct gone {
	struct gone *next;
	bool emptied;
	size_t count, listed;
	struct buf names; /* of the first few */
	char path[];
};

/* Of a file that is loaded: names of objects whose kind is not read. */
struct gone_names { /* zero = none */
	struct map names;
	struct arena *arena;
};

void gone_unknown(struct gone_names *n, const char *ns, const char *name);
void gone_names_fini(struct gone_names *n);
/* Before its gone documents are settled. */
void gone_begin(struct loader *l, const struct file *f);
/* The file does not define it any more. */
void gone_note(struct loader *l, const struct gone_names *n, struct entry *e);
void gone_end(struct loader *l);
/* The entry is settled; dropped: nothing defines it now. */
void gone_settle(struct entry *e, bool dropped);
/* Tells of all, and forgets them. */
void gone_tell(struct loader *l);
void gone_forget(struct loader *l);

#endif
