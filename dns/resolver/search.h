/*
 * One lookup of a stub resolver as a state machine: which questions it sends, and what it does after each answer: send
 * again, try the next name, jump to the name as it was asked, stop. No sockets and no clock: the caller sends and tells
 * what came back. Checked against recordings of the real resolvers. Pure; any thread.
 */
#ifndef DNS_RESOLVER_SEARCH_H
#define DNS_RESOLVER_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "dns/resolver/search_list.h"

enum outcome {
	OUTCOME_NONE, /* not asked */
	OUTCOME_DATA,
	OUTCOME_NODATA,
	OUTCOME_LAME, /* NODATA without AA, RA and SOA: it looks like a referral */
	OUTCOME_NXDOMAIN,
	OUTCOME_SERVFAIL,
	OUTCOME_REFUSED, /* or NOTIMP */
	OUTCOME_NOTIMP,
	OUTCOME_TIMEOUT,
	OUTCOME_TRUNCATED, /* TC over UDP */
};

#define SEARCH_FAMILIES 2 /* [0]: A, or the only type asked; [1]: AAAA */

enum search_result { SEARCH_OPEN, SEARCH_FOUND, SEARCH_NO_NAME, SEARCH_NO_DATA, SEARCH_TRY_AGAIN, SEARCH_FAILED };

struct search {
	enum resolver resolver;
	struct search_names names;
	unsigned attempts;
	/* what to send now */
	size_t at; /* of names */
	bool ask[SEARCH_FAMILIES], tcp[SEARCH_FAMILIES];
	/* what came back for this name so far */
	enum outcome got[SEARCH_FAMILIES];
	unsigned round; /* sends of this name before this one */
	/* so far, over all names */
	bool failed_once;	   /* SERVFAIL or a time-out at an earlier name */
	enum search_result result; /* SEARCH_OPEN: send what `ask` says */
	enum outcome last;	   /* why it ended, where the result is SEARCH_FAILED or SEARCH_TRY_AGAIN */
	const char *why;	   /* what the resolver did just now that surprises people; static, NULL: nothing */
};

/* One type only: families 1. getaddrinfo asks for A and AAAA: 2. dig asks one. */
void search_start(struct search *s, enum resolver r, const struct search_config *c, struct search_names names,
		  unsigned families);

/* Answers to what `ask` said; of the others nothing is read. */
void search_answered(struct search *s, const enum outcome answers[SEARCH_FAMILIES]);

/* What a program sees: "EAI_NONAME", "ARES_ESERVFAIL", "no such host"; "" when found or open. Static. */
const char *search_error(const struct search *s);

#endif
