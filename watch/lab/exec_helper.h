/*
 * The process that runs the commands of exec probes. The daemon gives up at its start what is needed for that
 * (daemon/rights.h), so this process is forked before: it keeps the capabilities to become another user, to end what
 * runs, and to enter a network namespace, and does what the prober's thread asks over a socket (exec_message.h).
 *
 * It ends with the daemon: its end of the socket is closed then. What it runs ends with it: each command has a process
 * namespace of its own, where that is allowed, else a process group. When it dies itself, exec probes cannot be made
 * any more, since the daemon cannot make another one. Main thread, before there are others.
 */
#ifndef WATCH_LAB_EXEC_HELPER_H
#define WATCH_LAB_EXEC_HELPER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#define EXEC_USER "nobody"

struct exec_helper {
	int fd;		     /* a SOCK_SEQPACKET; -1: there is no helper */
	const char *problem; /* why there is none; NULL: there is */
	pid_t pid;
	bool isolates; /* commands have process namespaces, and may run in network namespaces */
	/* the prober's thread tells */
	atomic_uint running;
	atomic_bool gone;
};

/* Forks it, or says in `problem` and in a line why not. */
void exec_helper_start(struct exec_helper *h);
/* Closes the socket: the helper ends. After the prober. */
void exec_helper_stop(struct exec_helper *h);

#endif
