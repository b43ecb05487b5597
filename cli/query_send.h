/*
 * Sends questions that a resolver sends at the same time, and waits for the replies. Blocks; main thread.
 */
#ifndef CLI_QUERY_SEND_H
#define CLI_QUERY_SEND_H

#include "base/addr_port.h"
#include "cli/query_message.h"

struct query_try {
	/* set by the caller */
	struct addr_port server;
	unsigned question; /* index of the question; several servers may be asked the same one */
	const char *name;
	unsigned type;
	bool tcp;
	/* set by query_send */
	uint8_t query[QUERY_BYTES_MAX];
	size_t query_bytes;
	int fd; /* -1: over */
	uint64_t sent_ns, took_ns;
	enum outcome outcome; /* OUTCOME_NONE: no reply yet when another server had answered the question */
	struct buf text;      /* of the reply, or what went wrong as one line; the caller ends it with buf_fini */
};

/* The server's word holds: no other server is asked. */
bool query_is_settled(enum outcome o);

/* Returns when each question is settled, or all its tries are over, or after `timeout_ms`. */
void query_send(struct query_try *tries, size_t count, unsigned udp_bytes, unsigned timeout_ms);

#endif
