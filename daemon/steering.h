/*
 * Steering: packets to the cluster DNS address come to this process while it lives and answers, and go to the Service's
 * endpoints otherwise (nft/steer.h). Begins when the first full sync is in the kernel, and follows the kube-dns
 * Service. The main thread renews it four times a second, as long as no DNS thread is stuck; without that it ends by
 * itself. Main thread.
 */
#ifndef DAEMON_STEERING_H
#define DAEMON_STEERING_H

#include "base/buf.h"
#include "base/json.h"
#include "daemon/daemon_private.h"

#define STEERING_RENEW_MS 250

/* Before rights are given up and before the server: where this kernel cannot, one line says so. */
void steering_open(struct daemon *d);
size_t steering_room(const struct daemon *d);		  /* addresses that the server must have room for */
struct steered_dns steering_view(const struct daemon *d); /* for struct node_input */
/* After each turn: follows Service, node address and sync. Nothing to do costs two comparisons. */
void steering_update(struct daemon *d);
/* Port 53 of an address is still to be bound, now or later: a kube-dns Service may come, or come anew. */
bool steering_binds(const struct daemon *d);
/* Queries go to the endpoints from now on; those that are here already can still be answered. */
void steering_stop(struct daemon *d);
void steering_close(struct daemon *d); /* the table is gone */

void steering_metrics(struct daemon *d, struct metrics *m); /* after steering_open */
/* Member "steering" of status's object "dns", and its lines of text. */
void steering_json(const struct daemon *d, struct json *j);
void steering_text(const struct daemon *d, struct buf *out);

#endif
