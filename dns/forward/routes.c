/* Upstreams by domain, their probes, their loops. */
#include "dns/forward/routes.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/log.h"
#include "base/mem.h"
#include "dns/forward/probe.h"

#define DOWN_S 0.5	  /* between probes of one that is down */
#define PROBE_LIMIT_S 2.0 /* of one reply */
#define LOOPS_S 60.0

struct running {
	LIST_ENTRY(running) link;
	struct routes *routes;
	struct probe *probe;
	unsigned number; /* of the loop's name */
};

struct routes {
	const struct forward_plan *plan;
	struct ev_loop *loop;
	struct forward_counts *counts;
	struct loop_marks *marks;
	struct upstreams *root, **stubs;
	ev_timer down, loops;
	unsigned next_number;
	LIST_HEAD(, running) running;
};

/* ---- probes ---- */

static void running_end(struct running *p)
{
	LIST_REMOVE(p, link);
	free(p);
}

static void probe(struct routes *r, struct upstreams *of, size_t at, const struct question *asked, probe_fn *done,
		  unsigned number)
{
	struct running *p = mem_alloc(sizeof *p);

	p->routes = r;
	p->number = number;
	LIST_INSERT_HEAD(&r->running, p, link);
	p->probe = probe_start(r->loop, of, at, asked, PROBE_LIMIT_S, done, p);
}

static void on_alive(void *ctx, struct probe *p, struct upstreams *of, size_t at, bool replied)
{
	(void)p;
	if (replied)
		upstream_replied(&of->items[at]);
	running_end(ctx);
}

static const struct question root_servers = {
	.bytes = {0, 0, TYPE_NS, 0, CLASS_IN}, .length = 5, .type = TYPE_NS}; /* as CoreDNS asks */

/* Returns how many are down. */
static size_t probe_down(struct routes *r, struct upstreams *of)
{
	size_t n = 0;

	for (size_t i = 0; i < of->count; i++)
		if (upstream_is_down(&of->items[i]) && !of->items[i].loops) {
			probe(r, of, i, &root_servers, on_alive, 0);
			n++;
		}
	return n;
}

static void on_down(struct ev_loop *loop, ev_timer *w, int events)
{
	struct routes *r = w->data;
	size_t n = probe_down(r, r->root);

	(void)events;
	for (size_t i = 0; i < r->plan->stub_count; i++)
		n += probe_down(r, r->stubs[i]);
	if (n == 0)
		ev_timer_stop(loop, w);
}

void routes_failed(struct routes *r, struct upstream *u)
{
	upstream_failed(u);
	u->counts->failures++;
	if (upstream_is_down(u) && !ev_is_active(&r->down))
		ev_timer_again(r->loop, &r->down);
}

/* ---- loops ---- */

static void on_loop_probe(void *ctx, struct probe *p, struct upstreams *of, size_t at, bool replied)
{
	struct running *own = ctx;
	struct upstream *u = &of->items[at];
	char to[ADDR_PORT_TEXT_BYTES];
	bool loops = loop_take(own->routes->marks, own->number);

	(void)p, (void)replied;
	addr_port_format(&u->to.at.addr, u->to.at.port, to);
	if (loops && !u->loops)
		log_warn("dns: upstream %s leads back to this server: left out, looked at again every minute", to);
	else if (!loops && u->loops)
		log_info("dns: upstream %s no longer leads back to this server", to);
	u->loops = loops;
	running_end(own);
}

static void probe_loop(struct routes *r, struct upstreams *of, size_t at)
{
	struct question asked = {.type = TYPE_HINFO};
	unsigned number = r->next_number++ % LOOP_NUMBERS;
	size_t n = loop_name(r->marks, number, &of->zone, asked.bytes);

	if (n == 0)
		return;
	wire_put16(asked.bytes + n, TYPE_HINFO);
	wire_put16(asked.bytes + n + 2, CLASS_IN);
	asked.length = n + 4;
	probe(r, of, at, &asked, on_loop_probe, number);
}

static void probe_loops(struct routes *r, struct upstreams *of)
{
	for (size_t i = 0; i < of->count; i++)
		probe_loop(r, of, i);
}

static void on_loops(struct ev_loop *loop, ev_timer *w, int events)
{
	struct routes *r = w->data;

	(void)loop, (void)events;
	probe_loops(r, r->root);
	for (size_t i = 0; i < r->plan->stub_count; i++)
		probe_loops(r, r->stubs[i]);
}

/* ---- routes ---- */

static struct upstreams *upstreams_new(const struct routes *r, const struct name *zone, const struct forward_server *to,
				       size_t count)
{
	struct upstreams *u = mem_alloc(sizeof *u);

	u->users = 1;
	u->policy = r->plan->policy;
	u->tcp = r->plan->tcp;
	u->zone = *zone;
	u->count = count;
	for (size_t i = 0; i < count; i++) {
		u->items[i] = (struct upstream){.to = to[i], .counts = forward_counts_of(r->counts, &to[i].at)};
		if (!to[i].tls) /* where nothing can be forged anyway */
			cookie_init(&u->items[i].cookie);
	}
	return u;
}

void routes_set(struct routes *r, const struct forward_server *to, size_t count)
{
	struct upstreams *old = r->root;
	struct name root;

	name_parse(&root, ".");
	r->root = upstreams_new(r, &root, to, count);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; old != NULL && k < old->count; k++)
			if (old->items[k].counts == r->root->items[i].counts)
				r->root->items[i].fails = old->items[k].fails;
	upstreams_release(old);
	ev_timer_stop(r->loop, &r->loops);
	ev_timer_set(&r->loops, 0., LOOPS_S);
	ev_timer_start(r->loop, &r->loops);
}

struct upstreams *routes_find(const struct routes *r, const struct name *name)
{
	const struct stub *stub = plan_stub_of(r->plan, name);

	return stub != NULL ? r->stubs[stub - r->plan->stubs] : r->root;
}

struct routes *routes_new(const struct forward_plan *plan, struct ev_loop *loop, struct forward_counts *counts,
			  struct loop_marks *marks)
{
	struct routes *r = mem_alloc(sizeof *r);

	r->plan = plan;
	r->loop = loop;
	r->counts = counts;
	r->marks = marks;
	LIST_INIT(&r->running);
	ev_timer_init(&r->down, on_down, 0., DOWN_S);
	ev_timer_init(&r->loops, on_loops, 0., LOOPS_S);
	r->down.data = r->loops.data = r;
	r->stubs = mem_array(plan->stub_count, sizeof *r->stubs);
	for (size_t i = 0; i < plan->stub_count; i++)
		r->stubs[i] = upstreams_new(r, &plan->stubs[i].zone, plan->stubs[i].to, plan->stubs[i].count);
	routes_set(r, plan->to, plan->count);
	return r;
}

void routes_free(struct routes *r)
{
	struct running *p;

	while ((p = LIST_FIRST(&r->running)) != NULL) {
		probe_free(p->probe);
		running_end(p);
	}
	ev_timer_stop(r->loop, &r->down);
	ev_timer_stop(r->loop, &r->loops);
	upstreams_release(r->root);
	for (size_t i = 0; i < r->plan->stub_count; i++)
		upstreams_release(r->stubs[i]);
	free(r->stubs);
	free(r);
}
