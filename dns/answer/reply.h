/*
 * The frame of a reply, the same for every kind of answer: header and question before them, OPT behind them. Any
 * thread; allocates nothing.
 */
#ifndef DNS_ANSWER_REPLY_H
#define DNS_ANSWER_REPLY_H

#include "dns/answer/packet.h"
#include "dns/wire/edns.h"
#include "dns/wire/record.h"

/* Copies the question of `in` to `out` and leaves room for the OPT record; writes nothing else yet. */
void reply_begin(struct reply *r, const struct edns_config *edns, const struct query *q, const struct packet *in,
		 uint8_t *out, size_t room);
/* Takes back all records and the rcode: TC with the question, as small as the query was. */
void reply_truncate(struct reply *r);
/* OPT and header. Returns the length of the whole reply. */
size_t reply_end(struct reply *r, const struct edns_config *edns, const struct query *q, const struct packet *in);

#endif
