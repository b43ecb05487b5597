/*
 * Handing over: the other side of daemon/take_over.h. The socket of --take-over takes one process at a time, of this
 * user or of root. Main thread.
 */
#ifndef DAEMON_HAND_OVER_H
#define DAEMON_HAND_OVER_H

#include <stdbool.h>

struct daemon;

/* When this process serves; nothing the second time. A failure is one warning. */
void hand_over_open(struct daemon *d);
/* The kernel, and what depends on it, is another process's now. */
bool hand_over_is_held(const struct daemon *d);
void hand_over_close(struct daemon *d);

#endif
