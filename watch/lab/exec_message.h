/*
 * Messages between the prober's thread and the process that runs commands (exec_helper.h): one datagram each, with
 * bounds. That process has rights which the daemon has given up, so it takes no request that is not whole. Any thread.
 */
#ifndef WATCH_LAB_EXEC_MESSAGE_H
#define WATCH_LAB_EXEC_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "watch/object.h"

#define EXEC_PLACES 32			    /* commands at a time */
#define EXEC_TEXT_BYTES 96		    /* of the last line that a command writes */
#define EXEC_OUTPUT_MAX_BYTES (1024 * 1024) /* more ends it */
#define EXEC_TIMEOUT_MAX_MS 86400000u
#define EXEC_REQUEST_MAX_BYTES (PROBE_COMMAND_MAX_BYTES + PROBE_NETNS_MAX_BYTES + 256)

enum exec_end { EXEC_EXITED, EXEC_TIMEOUT, EXEC_OUTPUT, EXEC_NOT_STARTED };

struct exec_request {
	uint32_t place;
	uint32_t timeout_ms;			    /* 0: what runs in the place is to end; the rest does not count */
	const char *netns;			    /* a name in /run/netns, "": this process's */
	const char *address;			    /* of the endpoint, for the command's environment */
	const char *port;			    /* the same; "": not known */
	const char *command[PROBE_COMMAND_MAX + 1]; /* ended by a NULL */
};

struct exec_result {
	uint32_t place;
	uint32_t end;		    /* enum exec_end */
	int32_t code;		    /* EXEC_EXITED: 128 + N of signal N; EXEC_NOT_STARTED: an errno */
	uint32_t length;	    /* of text */
	char text[EXEC_TEXT_BYTES]; /* as the command wrote it */
};

/* The length of the message; 0: it does not fit. */
size_t exec_request_pack(char to[EXEC_REQUEST_MAX_BYTES], const struct exec_request *r);
/* False: it is no request. Texts are borrowed from `bytes`. */
bool exec_request_unpack(struct exec_request *r, const char *bytes, size_t length);
/* False: it is no result. */
bool exec_result_unpack(struct exec_result *r, const char *bytes, size_t length);
/* "exit code 1: no such table", what `end` says in words, the command's text escaped. */
void exec_result_format(char *to, size_t room, const struct exec_result *r);

#endif
