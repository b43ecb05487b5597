/*
 * What was allocated for manifests (watch/lab/kept.h), in the file allocations.json of --state-dir. Written by
 * renaming, without fsync: after a power loss it may be an older one. Main thread.
 */
#ifndef DAEMON_ALLOCATIONS_FILE_H
#define DAEMON_ALLOCATIONS_FILE_H

#include <stddef.h>

#define ALLOCATIONS_FILE "allocations.json"

/* NULL: nothing is kept there (a line says why, unless there is no such file). The caller frees. */
char *allocations_read(const char *folder, size_t *length_bytes);
void allocations_write(const char *folder, const char *text, size_t length_bytes);
/* What was read is not used, or not all of it. */
void allocations_wrong(const char *folder, const char *wrong);

#endif
