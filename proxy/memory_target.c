/* Decides whether a Service fits below the memory target. */
#include "proxy/memory_target.h"

#include "base/log.h"

#define COMPARE_BYTES 150  /* of an element, in one of the two lists */
#define NEW_BYTES 490	   /* of an element that is added */
#define KEPT_BYTES 290	   /* of these, when it is there */
#define SMALL_BYTES 262144 /* about 400 elements */
#define ASK_EACH_MS 1000
#define ASK_FROM_BYTES (1u << 20) /* of what was admitted since */

uint64_t memory_need(uint64_t before, uint64_t after)
{
	uint64_t grows = after > before ? after - before : 0, need;

	if (__builtin_mul_overflow(grows, NEW_BYTES, &need) || after > UINT64_MAX / 4 / COMPARE_BYTES ||
	    __builtin_add_overflow(need, (before + after) * COMPARE_BYTES, &need))
		return UINT64_MAX / 2;
	return need;
}

void memory_target_turn(struct memory_target *m)
{
	m->asked = false;
	m->turn_bytes = 0;
	m->grown += m->turn_grown;
	m->turn_grown = 0;
}

/* As if it had answered: the last answer, and what is there since then. */
static void estimate(struct memory_target *m)
{
	const int64_t kept = m->grown * KEPT_BYTES;

	if (!m->untold)
		log_warn("memory: what is used cannot be read; estimated from the elements of Services");
	m->untold = true;
	m->planned_bytes = m->turn_bytes + (kept > 0 ? (uint64_t)kept : 0);
	if (kept < 0) {
		m->used_bytes -= m->used_bytes < (uint64_t)-kept ? m->used_bytes : (uint64_t)-kept;
		m->grown = 0;
	}
}

static void ask(struct memory_target *m, uint64_t now_ms)
{
	uint64_t bytes;

	m->asked = true;
	m->asked_ms = now_ms;
	if (!m->used(m->ctx, &bytes)) {
		estimate(m);
		return;
	}
	m->untold = false;
	m->grown = 0;
	m->used_bytes = bytes;
	m->planned_bytes = m->turn_bytes;
}

static bool must_ask(const struct memory_target *m, uint64_t need_bytes, uint64_t now_ms)
{
	if (m->asked)
		return false;
	return m->planned_bytes + need_bytes >= ASK_FROM_BYTES || now_ms >= m->asked_ms + ASK_EACH_MS ||
	       m->asked_ms == 0;
}

void memory_target_take(struct memory_target *m, uint64_t before, uint64_t after)
{
	const uint64_t need_bytes = memory_need(before, after);

	m->planned_bytes += need_bytes;
	m->turn_bytes += need_bytes;
}

bool memory_target_admit(struct memory_target *m, uint64_t before, uint64_t after, uint64_t now_ms,
			 uint64_t *left_bytes)
{
	const uint64_t need_bytes = memory_need(before, after);
	const bool grows = after > before, small = need_bytes <= SMALL_BYTES;
	uint64_t top = m->target_bytes;

	*left_bytes = UINT64_MAX;
	if (top == 0 || (small && !grows))
		return true;
	if (must_ask(m, need_bytes, now_ms))
		ask(m, now_ms);
	if (small || !grows)
		top += (m->limit_bytes - top) / 2;
	const uint64_t taken = m->used_bytes + m->planned_bytes + m->reserved_bytes;
	*left_bytes = top > taken ? top - taken : 0;
	if (need_bytes > *left_bytes)
		return false;
	memory_target_take(m, before, after);
	return true;
}

void memory_target_grown(struct memory_target *m, uint64_t before, uint64_t after)
{
	m->turn_grown += (int64_t)after - (int64_t)before;
}
