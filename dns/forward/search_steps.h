/*
 * What is left of a pod's search list outside the cluster (dns/answer/autopath.h): the domains of the host's list, then
 * the name as it is, one after the other. Decisions only; the forwarder's thread.
 *
 * A name that has no record of the asked type is the answer where it has addresses of another family: all families of
 * a name must lead to the same place. So a second question tells whether it has.
 */
#ifndef DNS_FORWARD_SEARCH_STEPS_H
#define DNS_FORWARD_SEARCH_STEPS_H

#include "dns/forward/plan.h"
#include "dns/forward/records.h"
#include "dns/wire/query.h"

struct search_domains {
	size_t count;
	struct name items[SEARCH_DOMAINS_MAX];
};

struct search_state {	  /* all zero: nothing is searched for */
	uint8_t labels;	  /* of the asked name that the client's own name has */
	uint8_t at;	  /* which domain; behind the last one: the name as it is */
	uint8_t siblings; /* other types that were asked for at this name */
	bool accepted;	  /* the name has addresses of another family */
	bool failed;	  /* a name before this one could not be asked for */
};

enum search_verdict {
	SEARCH_ASK,	/* for *target and search_type */
	SEARCH_FOUND,	/* *target is the name, the records are its */
	SEARCH_MISSING, /* no name of the list exists */
	SEARCH_FAILED	/* that cannot be said: some could not be asked for */
};

/* The first name to ask for; false: none. asked: the client's whole name. */
bool search_begin(struct search_state *s, const struct forward_plan *plan, const struct search_domains *d,
		  const struct name *asked, struct name *target);
/* The question that is asked next, for a client that asks for `type`. */
unsigned search_type(const struct search_state *s, unsigned type);
/* What `got` means, the answer to that question. */
enum search_verdict search_next(struct search_state *s, const struct forward_plan *plan, const struct search_domains *d,
				const struct query *q, const struct records *got, struct name *target);

#endif
