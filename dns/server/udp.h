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

/* Takes over fd (bound). wildcard: replies must carry the address that was asked. */
struct udp *udp_start(int fd, bool wildcard, const struct respond_config *config);
void udp_stop(struct udp *u); /* joins the thread and closes the socket */
const struct respond_counts *udp_counts(const struct udp *u);

#endif
