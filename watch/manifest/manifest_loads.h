/*
 * The files that the reader's thread reads, and the order in which they are taken over: that in which they were asked
 * for. Main thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_LOADS_H
#define WATCH_MANIFEST_MANIFEST_LOADS_H

#include <sys/stat.h>

#include "watch/manifest/manifest_loader.h"

#define LOADS_SLICE_NS 5000000u

/* The file has no load. st: what the tree knows of it; NULL: what the file knows already. */
void loads_add(struct loader *l, struct file *f, const struct stat *st);
/* The file of that load goes. */
void loads_abandon(struct loader *l, struct load *load);
/* Takes over what is read, for about LOADS_SLICE_NS. True: there is more already. */
bool loads_take(struct loader *l);
/* In the midst of a file. */
bool loads_in_file(const struct loader *l);
/* Ends the reader's thread, and forgets what it was asked for. */
void loads_stop(struct loader *l);

#endif
