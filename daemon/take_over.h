/*
 * Taking over: a process that starts finds the running one by the socket of --take-over, and replaces it without a
 * moment in which nothing answers.
 *
 *   the new one                                         the running one
 *   starts, lists its source, as always
 *   "hold", before its first write to the kernel   →    leaves kernel and DNS as they are; answers "ok"
 *   first full sync
 *   "sockets"                                      →    copies of all that listen, then "end"
 *   serves them, steers to itself
 *   "leave"                                        →    serves no more, answers "ok", finishes what it has, ends
 *
 * When the new one ends early, the running one goes on. One that does not answer within 2 s is left alone, and the new
 * one waits for its ports as without this. Main thread.
 */
#ifndef DAEMON_TAKE_OVER_H
#define DAEMON_TAKE_OVER_H

#include <stdbool.h>

struct daemon;

/* First of all: is a process there that hands over? Or has systemd kept sockets over a restart (daemon/fd_store.h)? */
void take_over_open(struct daemon *d);
void take_over_before_sync(struct daemon *d);
void take_over_after_sync(struct daemon *d);

#endif
