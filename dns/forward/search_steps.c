/* The steps of a search list. */
#include "dns/forward/search_steps.h"

#include <string.h>

#include "dns/forward/local_names.h"

/* The client's own name, and the domain behind it. False: too long. */
static bool name_at(const struct search_state *s, const struct search_domains *d, const struct name *asked,
		    struct name *target)
{
	const size_t own = asked->label_at[s->labels];
	uint8_t wire[2 * NAME_BYTES];
	size_t end = 1, at = 0;

	memcpy(wire, asked->wire, own);
	wire[own] = 0;
	if (s->at < d->count) {
		end = d->items[s->at].length;
		memcpy(wire + own, d->items[s->at].wire, end);
	}
	return own + end <= NAME_BYTES && name_read(target, wire, own + end, &at);
}

/* The name at s->at, or the next one that a server is there for. */
static bool settle(struct search_state *s, const struct forward_plan *plan, const struct search_domains *d,
		   const struct name *asked, struct name *target)
{
	for (; s->at <= d->count; s->at++)
		if (name_at(s, d, asked, target) && plan_serves(plan, target) &&
		    (plan_stub_of(plan, target) != NULL || local_zone(target) == 0))
			return true;
	return false;
}

bool search_begin(struct search_state *s, const struct forward_plan *plan, const struct search_domains *d,
		  const struct name *asked, struct name *target)
{
	return settle(s, plan, d, asked, target);
}

unsigned search_type(const struct search_state *s, unsigned type)
{
	if (s->siblings == 0 || s->accepted)
		return type;
	return s->siblings == 2 || type == TYPE_A ? TYPE_AAAA : TYPE_A;
}

static enum search_verdict next_name(struct search_state *s, const struct forward_plan *plan,
				     const struct search_domains *d, const struct name *asked, struct name *target)
{
	s->at++;
	s->siblings = 0;
	s->accepted = false;
	if (settle(s, plan, d, asked, target))
		return SEARCH_ASK;
	return s->failed ? SEARCH_FAILED : SEARCH_MISSING;
}

enum search_verdict search_next(struct search_state *s, const struct forward_plan *plan, const struct search_domains *d,
				const struct query *q, const struct records *got, struct name *target)
{
	const bool address = q->type == TYPE_A || q->type == TYPE_AAAA;
	const unsigned siblings_max = address ? 1 : 2;

	s->failed |= got->rcode != RCODE_NOERROR && got->rcode != RCODE_NXDOMAIN;
	if (got->rcode != RCODE_NOERROR)
		return next_name(s, plan, d, &q->name, target);
	if (s->siblings == 0 || s->accepted) {
		if (got->answers > 0 || s->accepted || s->at == d->count)
			return SEARCH_FOUND;
	} else if (got->answers > 0) {
		s->accepted = true;
		return SEARCH_ASK;
	}
	if (s->siblings == siblings_max)
		return next_name(s, plan, d, &q->name, target);
	s->siblings++;
	return SEARCH_ASK;
}
