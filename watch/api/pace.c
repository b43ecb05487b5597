/* The pace of requests to an API server that serves nothing. */
#include "watch/api/pace.h"

#define SLOW_LOW_MS 2500
#define SLOW_HIGH_MS 5000
#define SHORT_MS 5000 /* a server that serves again sooner, and answered all the time, is one that cuts its answers */

void pace_init(struct pace *p, uint64_t seed)
{
	*p = (struct pace){0};
	backoff_init(&p->random, seed);
}

static void begin(struct pace *p, uint64_t now_ms)
{
	if (p->since_ms != 0)
		return;
	p->since_ms = now_ms;
	if (now_ms - p->resumed_ms >= PACE_REFUSED_QUICK_MS)
		p->refused_ms = 0;
}

uint32_t pace_failed_ms(struct pace *p, uint64_t now_ms, int status, uint32_t asked_ms)
{
	begin(p, now_ms);
	if (status == 0) {
		p->silence = true;
		p->refused_ms = 0;
	} else if (status != 200 && p->refused_ms == 0) {
		p->refused_ms = now_ms;
	}
	if (asked_ms > 0)
		return backoff_asked_ms(&p->random, asked_ms);
	if (p->refused_ms == 0 || now_ms - p->refused_ms < PACE_REFUSED_QUICK_MS)
		return backoff_silent_ms(&p->random);
	return backoff_between(&p->random, SLOW_LOW_MS, SLOW_HIGH_MS);
}

bool pace_resumed(struct pace *p, uint64_t now_ms)
{
	bool history = p->since_ms != 0 && (p->silence || now_ms - p->since_ms >= SHORT_MS);

	*p = (struct pace){.random = p->random, .refused_ms = history ? 0 : p->refused_ms, .resumed_ms = now_ms};
	return history;
}
