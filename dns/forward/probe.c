/* A probe: exchange, time limit, end. */
#include "dns/forward/probe.h"

#include <stdlib.h>
#include <string.h>
#include <urcu/compiler.h>

#include "base/mem.h"

struct probe {
	struct exchange x;
	struct ev_timer timer;
	struct question asked;
	struct upstreams *of;
	size_t at;
	probe_fn *done;
	void *ctx;
};

void probe_free(struct probe *p)
{
	exchange_stop(&p->x);
	ev_timer_stop(p->x.loop, &p->timer);
	upstreams_release(p->of);
	free(p);
}

static void end(struct probe *p, bool replied)
{
	p->done(p->ctx, p, p->of, p->at, replied);
	probe_free(p);
}

/* The start failed at once, or the time is over. */
static void on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	end(w->data, false);
}

static bool on_message(struct exchange *x, const uint8_t *wire, size_t length)
{
	struct probe *p = caa_container_of(x, struct probe, x);

	if (wire != NULL &&
	    (length < WIRE_HEADER_BYTES + p->asked.length || wire_get16(wire) != p->x.id || (wire[2] & 0x80) == 0 ||
	     memcmp(wire + WIRE_HEADER_BYTES, p->asked.bytes, p->asked.length) != 0))
		return false;
	end(p, wire != NULL);
	return true;
}

struct probe *probe_start(struct ev_loop *loop, struct upstreams *of, size_t at, const struct question *asked,
			  double limit_s, probe_fn *done, void *ctx)
{
	struct probe *p = mem_alloc(sizeof *p);

	p->asked = *asked;
	p->of = upstreams_hold(of);
	p->at = at;
	p->done = done;
	p->ctx = ctx;
	exchange_init(&p->x, loop, on_message);
	exchange_fill(&p->x, asked, false, NULL);
	ev_now_update(loop);
	ev_timer_init(&p->timer, on_timer, exchange_start(&p->x, &of->items[at], of->tcp) ? limit_s : 0., 0.);
	p->timer.data = p;
	ev_timer_start(loop, &p->timer);
	return p;
}
