/*
 * What a Service asks for and does not get as asked: addresses, and endpoints beyond the slots of a port. Warnings.
 * Main thread.
 */
#ifndef PROXY_ADDRESS_NOTES_H
#define PROXY_ADDRESS_NOTES_H

#include "base/buf.h"
#include "service/service.h"

/* One line for each kind of reason that next (NULL: none) has and that prev did not have as it is. */
void address_notes_log(const struct service *prev, const struct service *next);
/* "external address 10.96.0.10: refused: inside a service range"; "ClusterIP 10.0.0.1 port 53/UDP: refused: …". */
void address_note_format(struct buf *out, const struct address_note *n);
/* One line when ports of next (NULL: none) have more endpoints than slots, and other ports than those of prev. */
void left_out_log(const struct service *prev, const struct service *next);
/* "port http 80/TCP IPv4: 4464 endpoints are left out, only the first 65536 are used" */
void left_out_format(struct buf *out, const struct service_port *p);

#endif
