/*
 * What could not be read or watched for a passing reason: no descriptor, no memory, an error of the disk, no inotify
 * instance or watch left. It is tried again every manifest_retry_s; each is said once, until it has worked. Main
 * thread.
 */
#ifndef WATCH_MANIFEST_MANIFEST_RETRY_H
#define WATCH_MANIFEST_MANIFEST_RETRY_H

#include <stdbool.h>

#include "base/map.h"

extern double manifest_retry_s; /* 5 s; tests make it short */

struct retry {			    /* zero: nothing waits */
	struct map waiting, before; /* "what path"; before: what waited when this attempt began */
};

/* errno of open, stat, read or inotify: may be over soon. */
bool retry_is_passing(int error);
/* True: it is new, say it. what: static, one word. */
bool retry_note(struct retry *r, const char *what, const char *path);
bool retry_has(const struct retry *r, const char *what, const char *path);
bool retry_waits(const struct retry *r);
/* Around an attempt at all that waits: what fails again is noted again. */
void retry_begin(struct retry *r);
void retry_end(struct retry *r);
void retry_fini(struct retry *r);

#endif
