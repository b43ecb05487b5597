/*
 * What talks to clients but for DNS: control socket, health and metrics pages, localhost node ports. Stopped before the
 * parts that they ask; or, when another process has taken over, while DNS still finishes what it has. Main thread.
 */
#ifndef DAEMON_FRONTS_H
#define DAEMON_FRONTS_H

struct daemon;

/* The control socket. Another daemon has it: fatal, unless that one is about to be replaced. */
void fronts_bind(struct daemon *d);
void fronts_start(struct daemon *d);
/* The process that had the control socket has left. */
void fronts_taken_over(struct daemon *d);
/* Another process serves: all of this ends, and so do steering and what the kernel tells. DNS takes nothing new. */
void fronts_leave(struct daemon *d);
void fronts_stop(struct daemon *d); /* nothing the second time */

#endif
