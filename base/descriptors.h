/*
 * The process's file descriptors. Part of them is the daemon's own: kernel and API server, control socket, health and
 * metrics pages, DNS. The rest is for what Services ask for: health check node ports and localhost node ports. A
 * Service takes its descriptors here before it opens them, so that tenants cannot use up those that keep the daemon
 * alive. Any thread.
 */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

#include <stdbool.h>

/*
 * Raises the soft limit to the hard one and divides it: the daemon's own are half of it, at most 1024. Returns the
 * limit that holds now; 0: the kernel does not say. Once, at start; before it nothing is limited.
 */
unsigned descriptors_raise(void);
unsigned descriptors_own(void); /* the daemon's part */

unsigned descriptors_left(void);       /* of the Services' part, now */
bool descriptors_take(unsigned count); /* false: that many are not left */
void descriptors_give(unsigned count); /* taken before */

#endif
