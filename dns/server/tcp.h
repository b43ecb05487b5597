/*
 * DNS over TCP (RFC 7766): one thread with its own event loop for all listen addresses. Pipelined queries are
 * answered as they come. No client can hold it: a connection ends when it makes no progress for its idle time, reads
 * stop while its replies are not taken, and connections are limited per client and in total.
 */
#ifndef DNS_SERVER_TCP_H
#define DNS_SERVER_TCP_H

#include "dns/answer/respond.h"

struct tcp;

/* Listens on nothing yet. max: sockets that it will be given at most. */
struct tcp *tcp_start(size_t max, const struct respond_config *config);
void tcp_listen(struct tcp *t, int fd); /* takes over a listening, non-blocking socket; the thread that started it */
void tcp_stop(struct tcp *t);		/* joins the thread, closes everything */
const struct respond_counts *tcp_counts(const struct tcp *t);

#endif
