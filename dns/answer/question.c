/* Whose name a question asks for, and why an answer is empty. */
#include "dns/answer/question.h"

#include "base/clock.h"
#include "dns/answer/answer.h"
#include "dns/answer/answer_static.h"
#include "dns/answer/autopath.h"
#include "dns/answer/reasons.h"

static bool answer_ours(const struct zone *z, const struct name *name, unsigned type, struct reply *r)
{
	if (!name_ends_with(name, &z->domain))
		return answer_static(z, name, WIRE_HEADER_BYTES, type, r) || answer_reverse(z, name, type, r);
	if (!atomic_load_explicit(&((struct zone *)z)->complete, memory_order_acquire)) {
		r->rcode = RCODE_SERVFAIL; /* never NXDOMAIN, which clients cache */
		r->ede = EDE_NOT_READY;
		return true;
	}
	unsigned above = name->labels - z->domain.labels;
	struct owner_ref s = {name, above, WIRE_HEADER_BYTES, WIRE_HEADER_BYTES + name->label_at[above]};
	r->aa = true;
	answer_forward(z, &s, type, r, 0);
	if (r->rcode == RCODE_NXDOMAIN && r->search_from != NULL)
		autopath_answer(z, &s, type, r);
	answer_static_alias(z, type, r);
	if (r->explain && r->answers == 0 && !r->truncated && r->search_labels <= 1) /* else it is no Service's name */
		reasons_absent(z, &s, type, r);
	return true;
}

bool question_answer(const struct zone *z, const struct name *name, unsigned type, struct reply *r)
{
	bool ours = answer_ours(z, name, type, r);
	uint64_t away_ms = atomic_load_explicit(&((struct zone *)z)->away_ms, memory_order_relaxed);

	if (away_ms != 0 && ours && r->explain)
		reasons_away(clock_ms() - away_ms, r);
	return ours;
}
