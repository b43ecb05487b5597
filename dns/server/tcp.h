/*
 * DNS over TCP (RFC 7766): one thread with its own event loop for all listen addresses. Pipelined queries are
 * answered as they come. No client can hold it: a connection ends when it makes no progress for its idle time, reads
 * stop while its replies are not taken, and connections are limited per client and in total.
 */
#ifndef DNS_SERVER_TCP_H
#define DNS_SERVER_TCP_H

#include "dns/answer/respond.h"

struct tcp;

/* Listens on nothing yet. places: how many sockets it can have. */
struct tcp *tcp_start(size_t places, const struct respond_config *config);
/*
 * Takes over a listening, non-blocking socket; one that had this place is closed, its connections go on. The thread
 * that started it.
 */
void tcp_listen(struct tcp *t, size_t place, int fd);
/*
 * Listens no more; connections go on. tcp_is_idle: there is none, as of the last tcp_is_alive. The thread that started
 * it.
 */
void tcp_leave(struct tcp *t);
bool tcp_is_idle(const struct tcp *t);
/* The thread has come round since the last call. The thread that started it. */
bool tcp_is_alive(struct tcp *t);
void tcp_stop(struct tcp *t); /* joins the thread, closes everything */
const struct respond_counts *tcp_counts(const struct tcp *t);

#endif
