/*
 * The resolv.conf that names upstream servers, followed as it changes. Main thread.
 */
#ifndef DAEMON_FORWARD_FILE_H
#define DAEMON_FORWARD_FILE_H

#include <ev.h>

#include "dns/forward/forward.h"

struct forward_file;

/*
 * Reads the file and tells `forward`, which outlives this. Warns where no server can be taken from it. own: the cluster
 * domain, when the file's search domains are wanted, too; NULL: they are not.
 */
struct forward_file *forward_file_open(const char *path, struct forward *forward, struct ev_loop *loop,
				       const struct name *own);
/* Only the search domains of a file, once. */
void forward_file_searches(const char *path, struct forward *forward, const struct name *own);
/* Reads again. A file that is gone or names no server changes nothing. */
void forward_file_reload(struct forward_file *f); /* NULL is fine, as for close */
void forward_file_close(struct forward_file *f);

#endif
