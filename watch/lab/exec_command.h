/* Starts one command of an exec probe. In the helper (exec_helper.h), a process with one thread. */
#ifndef WATCH_LAB_EXEC_COMMAND_H
#define WATCH_LAB_EXEC_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "watch/lab/exec_message.h"

struct exec_user {
	uid_t uid;
	gid_t gid;
	bool isolates; /* commands get process namespaces */
	int pids;      /* the helper's own process namespace, open; of isolates */
};

/*
 * Its standard output and error go to `output`. Returns the process that is to be waited for, and in *pidfd a
 * descriptor of it; -1 with errno. It leads a session and a process group; killed, it takes with it everything that the
 * command started (without a process namespace: all of its group). Its exit code is the command's, 128 + N of signal N,
 * 127 when there is no such program, 126 when it cannot be run for another reason, which is on its standard error.
 */
pid_t exec_command_start(const struct exec_user *user, const struct exec_request *r, int output, int *pidfd);
/* Of a wait status. */
int exec_command_code(int status);

#endif
