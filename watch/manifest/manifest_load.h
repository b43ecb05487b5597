/*
 * Takes what was read of a manifest file into the catalog, in slices: documents that were there before keep what they
 * define, the others say what they do. At the end entries are touched, and what is in the file no longer goes. Until
 * then the old documents are there, too; what a new one defines counts before that. Main thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_LOAD_H
#define WATCH_MANIFEST_MANIFEST_LOAD_H

#include "watch/manifest/manifest_gone.h"
#include "watch/manifest/manifest_loader.h"
#include "watch/manifest/manifest_reader.h"

struct load {
	struct reader_job job; /* its reading; the rest of it when another thread reads */
	struct load *next;     /* in the order in which they were asked for */
	struct file *file;     /* NULL: gone, nothing comes of it */
	uint64_t number;
	bool begun, readable;
	struct document **before; /* those that were known, by their number */
	struct document *first_new, **last_new;
	size_t at;	    /* cuts that are done */
	const char *needed; /* the text before that was given back; NULL: none */
	struct gone_names names;
};

/* The file's name and the documents it has; they stay the same until load_finish. */
void load_init(struct load *load, const struct loader *l, struct file *f);
/* Once it is read. False: it could not be, which was reported. */
bool load_begin(struct loader *l, struct load *load);
/* At most to that cut, and for about so long. */
void load_step(struct loader *l, struct load *load, size_t end, uint64_t until_ns);
void load_finish(struct loader *l, struct load *load);
/* Its file goes: so does what was taken of it. */
void load_drop(struct loader *l, struct load *load);
void load_fini(struct load *load);

#endif
