/* What became of addresses that a Service asks for and does not get as asked: warnings. Main thread. */
#ifndef PROXY_ADDRESS_NOTES_H
#define PROXY_ADDRESS_NOTES_H

#include "base/buf.h"
#include "service/service.h"

/* One line for each kind of reason that next (NULL: none) has and that prev did not have as it is. */
void address_notes_log(const struct service *prev, const struct service *next);
/* "external address 10.96.0.10: refused: inside a service range"; "ClusterIP 10.0.0.1 port 53/UDP: refused: …". */
void address_note_format(struct buf *out, const struct address_note *n);

#endif
