/* Decides what a probe's result means, and when the next one is due. */
#include "watch/lab/probe_state.h"

static bool is_there(const struct probe_set *set, enum probe_role role)
{
	return set->of[role].action != PROBE_NONE;
}

/* initialDelaySeconds counts from the container's start, not from the startup probe's success. */
static void schedule_first(struct probe_set_state *s, const struct probe_set *set, enum probe_role role,
			   uint64_t now_ms)
{
	const uint64_t first_ms = s->began_ms + (s->at_start ? 0 : set->of[role].initial_delay_ms);

	if (is_there(set, role))
		s->of[role].due_ms = first_ms > now_ms ? first_ms : now_ms;
}

static void open_gate(struct probe_set_state *s, const struct probe_set *set, uint64_t now_ms)
{
	s->started = true;
	s->of[PROBE_STARTUP].due_ms = PROBE_NEVER;
	schedule_first(s, set, PROBE_READINESS, now_ms);
	schedule_first(s, set, PROBE_LIVENESS, now_ms);
}

void probe_set_begin(struct probe_set_state *s, const struct probe_set *set, uint64_t now_ms, bool at_start)
{
	*s = (struct probe_set_state){.began_ms = now_ms, .at_start = at_start};
	for (unsigned i = 0; i < PROBE_ROLES; i++)
		s->of[i].due_ms = PROBE_NEVER;
	s->of[PROBE_LIVENESS].passing = true;
	if (is_there(set, PROBE_STARTUP))
		schedule_first(s, set, PROBE_STARTUP, now_ms);
	else
		open_gate(s, set, now_ms);
}

static void schedule_next(struct probe_state *p, uint32_t period_ms, uint64_t begun_ms, uint64_t now_ms,
			  uint32_t random)
{
	const uint64_t wait_ms = p->again ? period_ms : 1 + random % period_ms;

	p->again = true;
	p->due_ms = begun_ms + wait_ms > now_ms ? begun_ms + wait_ms : now_ms;
}

/* Kubelet's worker.doProbe: thresholds count results that are the same in a row. */
static void count(struct probe_state *p, const struct probe_object *spec, bool success, bool decides)
{
	p->streak = p->known && p->last == success ? p->streak + 1 : 1;
	p->last = success;
	if (decides || p->streak >= (success ? spec->success_threshold : spec->failure_threshold))
		p->passing = success;
	p->known = true;
	if (p->streak == UINT32_MAX)
		p->streak--;
}

bool probe_set_result(struct probe_set_state *s, const struct probe_set *set, enum probe_role role, bool success,
		      uint64_t begun_ms, uint64_t now_ms, uint32_t random)
{
	const bool was_ready = probe_set_ready(s, set), was_passing = s->of[role].passing;
	struct probe_state *p = &s->of[role];

	count(p, &set->of[role], success, s->at_start && !p->known && role != PROBE_LIVENESS);
	schedule_next(p, set->of[role].period_ms, begun_ms, now_ms, random);
	if (role == PROBE_STARTUP && p->passing)
		open_gate(s, set, now_ms);
	return probe_set_ready(s, set) != was_ready || p->passing != was_passing;
}

void probe_set_no_result(struct probe_set_state *s, const struct probe_set *set, enum probe_role role,
			 uint64_t begun_ms, uint64_t now_ms, uint32_t random)
{
	schedule_next(&s->of[role], set->of[role].period_ms, begun_ms, now_ms, random);
}

bool probe_set_ready(const struct probe_set_state *s, const struct probe_set *set)
{
	return s->started && (!is_there(set, PROBE_READINESS) || s->of[PROBE_READINESS].passing);
}

bool probe_set_known(const struct probe_set_state *s, const struct probe_set *set)
{
	if (!s->started)
		return s->of[PROBE_STARTUP].known;
	return !is_there(set, PROBE_READINESS) || s->of[PROBE_READINESS].known;
}
