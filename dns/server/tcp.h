/*
 * DNS over TCP (RFC 7766): one thread with its own event loop for all listen addresses. Pipelined queries are
 * answered as they come. No client can hold it: a connection ends when it makes no progress for its idle time, reads
 * stop while its replies are not taken, and connections are limited per client and in total.
 */
#ifndef DNS_SERVER_TCP_H
#define DNS_SERVER_TCP_H

#include "dns/answer/respond.h"

#define TCP_IDLE_MS 10000
#define TCP_CONNECTIONS                                                                                          \
	512 /* at most half of descriptors_own; when full, or without a descriptor, the one without progress for \
	       longest makes room */
#define TCP_CONNECTIONS_PER_CLIENT 128	  /* then that without progress for longest goes; not for the node itself */
#define TCP_QUERY_BYTES 4096		  /* a longer one ends its connection */
#define TCP_UNSENT_BYTES (16 * 1024)	  /* a client with more replies waiting is not read from */
#define TCP_WAITING 32			  /* nor one with so many queries at the forwarder */
#define TCP_UNSENT_BYTES_MAX (256 * 1024) /* when the forwarder brings more, the connection ends */

struct tcp;

/* Listens on nothing yet. max: sockets that it will be given at most. */
struct tcp *tcp_start(size_t max, const struct respond_config *config);
void tcp_listen(struct tcp *t, int fd); /* takes over a listening, non-blocking socket; the thread that started it */
void tcp_stop(struct tcp *t);		/* joins the thread, closes everything */
const struct respond_counts *tcp_counts(const struct tcp *t);

#endif
