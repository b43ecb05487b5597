/*
 * The control socket: a unix stream socket, mode 0600. A client sends one line of words; the answer is a line with the
 * exit code for the asking command, then the text to print, then the end of the stream. At most CONTROL_CLIENTS at a
 * time, each with CONTROL_IDLE_S to move on: no client can hold the loop or the places. Holding the lock PATH.lock
 * makes a daemon the only one on PATH, also against one that was killed and left its socket behind.
 *
 * The requests thread (observe/requests.h) reads the words and writes the answer; the main thread runs the command.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/buf.h"

#define CONTROL_CLIENTS 16
#define CONTROL_IDLE_S 10.0
#define CONTROL_REQUEST_BYTES 1024
#define CONTROL_WORDS 16

/* Fills `out`, returns the exit code: 0 yes, 1 no or not found, 2 usage. argv[0] is its name. In the main thread. */
typedef int control_fn(void *ctx, int argc, char **argv, struct buf *out);

struct control_command {
	const char *name;
	control_fn *answer;
};

struct control;
struct requests;

/* Takes the lock and binds. NULL: `error` has one line. The directory of `path` is made when it is missing. */
struct control *control_open(const char *path, char error[ERROR_BYTES]);
/* Answers from requests_start on; `commands` (ended by a NULL name) and `ctx` are borrowed. */
void control_start(struct control *c, struct requests *requests, const struct control_command *commands, void *ctx);
void control_close(struct control *c); /* after requests_stop, if started; NULL is fine */

/* True when a daemon holds the lock of `path`. */
bool control_locked(const char *path);

#endif
