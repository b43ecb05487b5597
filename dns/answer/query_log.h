/*
 * The query log, opt-in: what CoreDNS's log plugin prints, on standard error, with the pod's name when it is known;
 * every query, every Nth, or only names below a suffix.
 *
 * A worker (the forwarder is one) only copies a few hundred bytes into a ring of its own, after its replies have left;
 * a thread of the log writes the lines. A full ring, or a reader that does not keep up, loses lines and counts them:
 * never time of a worker.
 */
#ifndef DNS_ANSWER_QUERY_LOG_H
#define DNS_ANSWER_QUERY_LOG_H

#include "dns/answer/origin.h"
#include "dns/answer/respond_counts.h"
#include "dns/zone/table.h"

#define QUERYLOG_LINE_BYTES 1600

struct querylog;
struct querylog_ring;

struct querylog_config {
	unsigned every;	    /* 1 = every query, N = every Nth of each thread */
	const char *suffix; /* only names at or below this one; NULL: all */
	const struct zone *zone;
};

/* NULL: suffix is not a domain name. */
struct querylog *querylog_new(const struct querylog_config *config);
/* A ring for one worker, owned by the log; lost lines are counted in `counts`. Before querylog_start. */
struct querylog_ring *querylog_ring(struct querylog *l, struct respond_counts *counts);
/* Begins to write. */
void querylog_start(struct querylog *l);
/* After every thread that adds has ended: writes what is left. NULL is fine. */
void querylog_free(struct querylog *l);

/* What became of a query. */
struct querylog_result {
	const uint8_t *reply; /* its header is enough */
	size_t reply_bytes;   /* 0: it got no reply */
	uint64_t ns;	      /* from the query to the reply */
	struct origin origin;
};

/* The worker's side. */
void querylog_add(struct querylog_ring *r, const struct packet *in, const struct querylog_result *result);

/* The line itself, without date and newline; returns text. pod NULL: not known. Pure. */
const char *querylog_format(const struct packet *in, const struct pod *pod, const struct querylog_result *result,
			    char text[QUERYLOG_LINE_BYTES]);

#endif
