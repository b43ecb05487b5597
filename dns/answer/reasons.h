/*
 * One sentence that says why a reply has no records, as the text of an extended error (RFC 8914). Called for queries
 * with EDNS only (reply.explain) and never for names with records, but for a ClusterIP without endpoints and while the
 * API server is away. Bounded: a few look-ups, at most 16 port names, and a search for a similar name (similar.h). Any
 * RCU-registered online thread; allocates nothing.
 */
#ifndef DNS_ANSWER_REASONS_H
#define DNS_ANSWER_REASONS_H

#include "dns/answer/owner_ref.h"
#include "dns/answer/reply.h"
#include "dns/wire/query.h"
#include "dns/zone/table.h"

/* `s` is the question, under the cluster domain; its reply is finished and has no answer. */
void reasons_absent(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r);
/* A ClusterIP that refuses connections (view.idle). */
void reasons_idle(const struct view *v, struct reply *r);

#define REASONS_AWAY_MS 30000 /* a shorter outage is not told */
/* The API server has been silent for so long: said in every reply, in front of what is said already. */
void reasons_away(uint64_t away_ms, struct reply *r);

/* REFUSED: a name outside the cluster domain, from a stranger or with --forward none. */
void reasons_outside(bool stranger, struct reply *r);
/* REFUSED: a transfer, or a class other than IN. */
void reasons_refused(const struct query *q, struct reply *r);

#endif
