/*
 * Threads that send transfers, so that no other client waits while one is made or sent. At most four at a time:
 * further ones are refused. The TCP thread calls everything here.
 */
#ifndef DNS_SERVER_TRANSFER_THREAD_H
#define DNS_SERVER_TRANSFER_THREAD_H

#include <pthread.h>

#include "dns/server/transfer.h"

#define TRANSFER_THREADS 4
#define TRANSFER_SEND_LIMIT_S 10    /* a client that takes nothing for so long is given up */
#define TRANSFER_BYTES_PER_S 100000 /* a slower client is cut off, however steady */

struct transfer_job;

struct transfer_threads { /* all zero = none runs */
	struct transfer_job *jobs[TRANSFER_THREADS];
	unsigned send_limit_ms, bytes_per_s; /* other limits than the above, for tests; 0: those */
};

/*
 * When `in` is a transfer that may be had and a thread is free: takes over fd (any connected stream socket) and what
 * is still unsent, and returns true. Else false, and nothing has changed.
 */
bool transfer_threads_take(struct transfer_threads *t, const struct respond_config *config, const struct packet *in,
			   int fd, struct buf *unsent);
/* Breaks off what runs, joins. */
void transfer_threads_stop(struct transfer_threads *t);

#endif
