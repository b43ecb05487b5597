/*
 * One UDP thread: one socket of its own, batches in and out, no sharing. A worker on several addresses is several
 * such threads: a thread that blocks in its socket costs one system call less per batch than epoll, and an idle one
 * costs nothing.
 */
#ifndef DNS_SERVER_UDP_H
#define DNS_SERVER_UDP_H

#include "base/addr.h"
#include "dns/answer/respond.h"

struct udp;

/* Does nothing yet. wildcard: replies must carry the address that was asked. Before forwarder and query log start. */
struct udp *udp_new(bool wildcard, const struct respond_config *config);
/* Serves fd (bound, blocking) and owns it; it takes the place of a former one, which is closed. */
void udp_start(struct udp *u, int fd);
/* It takes what comes: nothing waits in its socket, or it has answered since the last call. Main thread. */
bool udp_is_alive(struct udp *u);
void udp_leave(struct udp *u);		  /* joins the thread; the socket stays, for replies of the forwarder */
void udp_stop(struct udp *u);		  /* joins the thread and closes the socket, where it was started; frees u */
bool udp_is_drained(const struct udp *u); /* nothing waits in its socket */
const struct respond_counts *udp_counts(const struct udp *u);

#endif
