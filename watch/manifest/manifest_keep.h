/*
 * What becomes of the definitions of documents that a file had and has no more: an object that was refused, or may be
 * in a document that cannot be read, keeps its last good version. Main thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_KEEP_H
#define WATCH_MANIFEST_MANIFEST_KEEP_H

#include "watch/manifest/manifest_gone.h"
#include "watch/manifest/manifest_loader.h"

/* gone: linked by next, freed here. f->documents are the new ones. */
void keep_or_drop(struct loader *l, struct file *f, struct document *gone, const struct gone_names *names);

#endif
