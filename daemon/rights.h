/*
 * What the process may still do once it runs: capabilities, programs that it executes, core files, files. Threads give
 * up more (base/thread.h). Each step that this kernel or container does not allow costs one line and is shown by
 * `fairlead status`. Main thread.
 */
#ifndef DAEMON_RIGHTS_H
#define DAEMON_RIGHTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/json.h"
#include "daemon/config.h"
#include "watch/api/credentials.h"

struct rights {
	unsigned landlock_abi; /* 0: files are not restricted */
	bool reads_anywhere;   /* manifests: their links may lead out of the folder */
	bool bounded;	       /* the bounding set is reduced */
	bool binds;	       /* ports below 1024 may still be bound */
};

/*
 * Once the tables are open and before the first thread: keeps CAP_NET_ADMIN and CAP_NET_BIND_SERVICE, sets
 * no_new_privs, forbids core files and tracing by others, and restricts files to those that `config` and `credentials`
 * name and what name resolution needs.
 */
void rights_limit(struct rights *r, const struct config *config, const struct credentials *credentials);
/* At the end of the start: the main thread, and threads that it makes from now on, have a list of system calls. */
void rights_calls_limit(void);
/* Every port that was asked for at start is bound: gives CAP_NET_BIND_SERVICE up. Nothing the second time. */
void rights_ports_bound(struct rights *r);

/* What the kernel says that holds: member "rights" of status, and its line of text. */
void rights_json(const struct rights *r, struct json *j);
void rights_text(const struct rights *r, struct buf *out);

/* Landlock, kept apart: the ABI that holds now, 0: none (errno). */
unsigned rights_files_limit(const struct config *config, const struct credentials *credentials);

#endif
