/* What each stub resolver does after an answer. */
#include "dns/resolver/search.h"

#define MUSL_SERVFAIL_SENDS \
	6 /* of both questions, and 10 of one: four quick repeats for each attempt, shared by both */
#define MUSL_SERVFAIL_SENDS_OF_ONE 10
#define CARES_SENDS_BESIDE_DATA 2

static bool has(const struct search *s, enum outcome o)
{
	return s->got[0] == o || s->got[1] == o;
}

static bool is_failure(enum outcome o)
{
	return o >= OUTCOME_SERVFAIL && o != OUTCOME_TRUNCATED;
}

static bool is_refusal(enum outcome o)
{
	return o == OUTCOME_REFUSED || o == OUTCOME_NOTIMP;
}

/* The worst of the two answers, by which most resolvers go. */
static enum outcome worst(const struct search *s)
{
	return s->got[0] > s->got[1] ? s->got[0] : s->got[1];
}

static void name_begin(struct search *s, size_t at)
{
	bool second = s->ask[1] || s->got[1] != OUTCOME_NONE;

	s->at = at;
	s->round = 0;
	s->ask[0] = true;
	s->ask[1] = second;
	for (unsigned f = 0; f < SEARCH_FAMILIES; f++) {
		s->tcp[f] = false;
		s->got[f] = OUTCOME_NONE;
	}
}

static void search_stop(struct search *s, enum search_result result)
{
	s->ask[0] = s->ask[1] = false;
	s->result = result;
	s->last = worst(s);
}

static void next_name(struct search *s)
{
	if (s->at + 1 < s->names.count)
		name_begin(s, s->at + 1);
	else if (s->resolver == RESOLVER_GLIBC || s->resolver == RESOLVER_GO)
		search_stop(s, s->failed_once ? SEARCH_TRY_AGAIN : SEARCH_NO_NAME);
	else
		search_stop(s, SEARCH_NO_NAME);
}

/* Repeats the questions that failed, or both. */
static void again(struct search *s, bool both)
{
	s->round++;
	for (unsigned f = 0; f < SEARCH_FAMILIES; f++)
		s->ask[f] = s->got[f] != OUTCOME_NONE && (both || is_failure(s->got[f]) || s->got[f] == OUTCOME_LAME);
}

static void jump_to_as_is(struct search *s, const char *why)
{
	s->why = why;
	if (s->at < s->names.as_is && s->names.as_is < s->names.count)
		name_begin(s, s->names.as_is);
	else
		search_stop(s, worst(s) == OUTCOME_LAME ? SEARCH_NO_NAME : SEARCH_TRY_AGAIN);
}

static void glibc_decide(struct search *s)
{
	enum outcome w = worst(s);

	if (has(s, OUTCOME_DATA))
		return search_stop(s, SEARCH_FOUND);
	if (w == OUTCOME_NXDOMAIN || w == OUTCOME_NODATA)
		return next_name(s);
	if (s->round + 1 < s->attempts)
		return again(s, true);
	if (w == OUTCOME_SERVFAIL) {
		s->failed_once = true;
		return next_name(s);
	}
	jump_to_as_is(s, "glibc skips the rest of the search list");
}

static unsigned musl_sends(const struct search *s)
{
	bool both = is_failure(s->got[0]) && is_failure(s->got[1]);

	if (!has(s, OUTCOME_SERVFAIL))
		return s->attempts;
	return (both ? MUSL_SERVFAIL_SENDS : MUSL_SERVFAIL_SENDS_OF_ONE) * s->attempts / 2;
}

static void musl_decide(struct search *s)
{
	if (is_failure(worst(s))) {
		if (s->round + 1 < musl_sends(s))
			return again(s, false);
		s->why = "musl gives the whole lookup up, and does so after its time-out";
		return search_stop(s, SEARCH_TRY_AGAIN);
	}
	if (has(s, OUTCOME_NXDOMAIN)) {
		if (has(s, OUTCOME_DATA))
			s->why = "musl takes NXDOMAIN of one family for both: the addresses of the other are lost";
		return next_name(s);
	}
	if (has(s, OUTCOME_DATA))
		return search_stop(s, SEARCH_FOUND);
	s->why = "musl stops at a name without addresses";
	search_stop(s, SEARCH_NO_DATA);
}

static void cares_decide(struct search *s)
{
	bool data = has(s, OUTCOME_DATA);
	enum outcome w = worst(s);
	unsigned sends = !data ? s->attempts : w == OUTCOME_SERVFAIL ? CARES_SENDS_BESIDE_DATA : 1;

	if (is_failure(w) && s->round + 1 < sends)
		return again(s, false);
	if (data)
		return search_stop(s, SEARCH_FOUND);
	if (is_failure(w)) {
		s->why = "c-ares stops at an error";
		return search_stop(s, SEARCH_FAILED);
	}
	next_name(s);
}

static void go_decide(struct search *s)
{
	bool failed = is_failure(worst(s)) || has(s, OUTCOME_LAME);

	if (failed && s->round + 1 < s->attempts)
		return again(s, false);
	if (has(s, OUTCOME_DATA))
		return search_stop(s, SEARCH_FOUND);
	if (is_failure(worst(s)))
		s->failed_once = true;
	next_name(s);
}

static void dig_decide(struct search *s)
{
	if (s->got[0] == OUTCOME_DATA)
		return search_stop(s, SEARCH_FOUND);
	if (s->got[0] == OUTCOME_NXDOMAIN)
		return next_name(s);
	if (s->got[0] == OUTCOME_TIMEOUT && s->round + 1 < s->attempts)
		return again(s, true);
	s->why = "dig +search goes on after NXDOMAIN only";
	search_stop(s, s->got[0] == OUTCOME_NODATA || s->got[0] == OUTCOME_LAME ? SEARCH_NO_DATA : SEARCH_FAILED);
}

/* A truncated answer is asked for over TCP; glibc asks both there. */
static bool goes_to_tcp(struct search *s)
{
	if (!has(s, OUTCOME_TRUNCATED))
		return false;
	for (unsigned f = 0; f < SEARCH_FAMILIES; f++) {
		bool wanted =
			s->got[f] == OUTCOME_TRUNCATED || (s->resolver == RESOLVER_GLIBC && s->got[f] != OUTCOME_NONE);
		s->ask[f] = s->tcp[f] = wanted;
	}
	return true;
}

void search_start(struct search *s, enum resolver r, const struct search_config *c, struct search_names names,
		  unsigned families)
{
	*s = (struct search){.resolver = r, .names = names, .attempts = c->attempts, .ask = {true, families > 1}};
	if (names.count == 0)
		search_stop(s, SEARCH_NO_NAME);
}

void search_answered(struct search *s, const enum outcome answers[SEARCH_FAMILIES])
{
	static void (*const decide[])(struct search *) = {[RESOLVER_GLIBC] = glibc_decide,
							  [RESOLVER_MUSL] = musl_decide,
							  [RESOLVER_GO] = go_decide,
							  [RESOLVER_CARES] = cares_decide,
							  [RESOLVER_DIG] = dig_decide};

	for (unsigned f = 0; f < SEARCH_FAMILIES; f++)
		if (s->ask[f])
			s->got[f] = answers[f];
	s->why = NULL;
	if (!goes_to_tcp(s))
		decide[s->resolver](s);
}

static const char *cares_error(const struct search *s)
{
	if (s->result == SEARCH_NO_NAME)
		return "ARES_ENOTFOUND";
	if (s->last == OUTCOME_TIMEOUT)
		return "ARES_ETIMEOUT";
	if (is_refusal(s->last))
		return s->last == OUTCOME_REFUSED ? "ARES_EREFUSED" : "ARES_ENOTIMP";
	return "ARES_ESERVFAIL";
}

static const char *go_error(const struct search *s)
{
	return s->result == SEARCH_NO_NAME ? "no such host" : "server misbehaving";
}

const char *search_error(const struct search *s)
{
	static const char *const eai[] = {[SEARCH_NO_NAME] = "EAI_NONAME",
					  [SEARCH_NO_DATA] = "EAI_NODATA",
					  [SEARCH_TRY_AGAIN] = "EAI_AGAIN",
					  [SEARCH_FAILED] = "EAI_FAIL"};

	if (s->result == SEARCH_OPEN || s->result == SEARCH_FOUND)
		return "";
	if (s->resolver == RESOLVER_CARES)
		return cares_error(s);
	if (s->resolver == RESOLVER_GO)
		return go_error(s);
	if (s->resolver == RESOLVER_DIG)
		return s->last == OUTCOME_TIMEOUT ? "no servers could be reached" : "no answer";
	return eai[s->result];
}
