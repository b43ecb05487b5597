/* Asks upstreams, tries the next one, answers all who wait. */
#include "dns/forward/inflight.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "dns/forward/exchange.h"
#include "dns/forward/routes.h"
#include "dns/forward/waiters.h"
#include "dns/zone/rcu.h"

#define TRIES_MAX 6

struct inflight {
	struct forward_config config;
	struct ev_loop *loop;
	struct cache *cache;
	struct forward_counts *counts;
	struct routes *routes;
	struct map pending;
	struct message message;
	struct waiters waiters;
};

struct pending {
	struct exchange x;
	struct inflight *all;
	struct cache_key key;
	struct question asked;
	struct ev_timer timer;
	struct forward_requests waiters;
	uint16_t *charge; /* no query waits any more; NULL: one does */
	uint64_t end_ms;
	struct upstreams *of;
	struct upstream *upstream; /* asked last; NULL: none yet */
	uint64_t asked_ns;	   /* since */
	unsigned tried, tries;
	bool no_edns, tcp, case_lost, cookie_lost, cookie_renewed;
};

static void attempt(struct pending *p);

static uint32_t draw(void)
{
	uint32_t n;

	if (getrandom(&n, sizeof n, 0) != sizeof n)
		fatal("dns: no random bytes");
	return n;
}

/* ---- the question ---- */

static void pending_free(struct pending *p)
{
	exchange_stop(&p->x);
	ev_timer_stop(p->all->loop, &p->timer);
	map_del(&p->all->pending, p->key.bytes, p->key.length);
	upstreams_release(p->of);
	waiters_discharge(p->charge);
	free(p);
}

static struct origin origin_of(const struct pending *p)
{
	struct origin o = {.cache = ORIGIN_MISS};

	if (p->upstream != NULL) {
		o.upstream = p->upstream->to.at;
		o.upstream_ns = clock_ns() - p->asked_ns;
	}
	return o;
}

static void reply(struct pending *p, const struct records *records)
{
	waiters_reply(&p->all->waiters, &p->waiters,
		      &(struct outcome){.records = records, .ttl_max_s = UINT32_MAX, .origin = origin_of(p)});
}

static bool reply_stale(struct pending *p)
{
	const struct origin asked = origin_of(p);

	return waiters_reply_stale(&p->all->waiters, &p->waiters, &p->key, &asked);
}

/* They need not wait for the next attempt, which goes on without them. */
static void stale_meanwhile(struct pending *p)
{
	uint16_t *charge = p->charge == NULL && !STAILQ_EMPTY(&p->waiters)
				   ? waiters_charge(&p->all->waiters, STAILQ_FIRST(&p->waiters))
				   : NULL;

	if (reply_stale(p) && p->charge == NULL)
		p->charge = charge;
	else
		waiters_discharge(charge);
}

static void give_up(struct pending *p, const struct records *why)
{
	if (!reply_stale(p))
		reply(p, why);
	pending_free(p);
}

static void unreachable(struct pending *p)
{
	char to[ADDR_PORT_TEXT_BYTES], text[RECORDS_EDE_TEXT_BYTES];

	if (p->upstream != NULL)
		snprintf(text, sizeof text, "no reply from %s",
			 addr_port_format(&p->upstream->to.at.addr, p->upstream->to.at.port, to));
	else
		snprintf(text, sizeof text, "no upstream server is known");
	const struct records why = records_failure(text, EDE_NO_REACHABLE_AUTHORITY);
	give_up(p, &why);
}

static void attempt_failed(struct pending *p)
{
	exchange_stop(&p->x);
	routes_failed(p->all->routes, p->upstream);
	p->tcp = p->of->tcp;
	if (p->case_lost) /* and it has no TCP */
		name_lower(p->asked.bytes, p->asked.bytes, p->asked.length - 4);
	if (p->cookie_lost) /* the same */
		cookie_forget(&p->upstream->cookie);
	stale_meanwhile(p);
	attempt(p);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	attempt_failed(w->data);
}

/* A reply that says that the upstream cannot serve: another one may. */
static bool is_failure(const struct message *m)
{
	return m->rcode != RCODE_NOERROR && m->rcode != RCODE_NXDOMAIN;
}

static void finish(struct pending *p, struct message *m)
{
	m->records.authentic =
		(m->flags & FLAG_AD) != 0 && (addr_is_loopback(&p->upstream->to.at.addr) || p->upstream->to.tls);
	cache_put(p->all->cache, &p->key, m, cache_now_s());
	if (!is_failure(m) || !reply_stale(p))
		reply(p, &m->records);
	pending_free(p);
}

/* The same upstream again, in another way. */
static void again(struct pending *p)
{
	exchange_stop(&p->x);
	p->tried &= ~(1U << (p->upstream - p->of->items));
	attempt(p);
}

/* No forger can be there. */
static bool is_stream(const struct pending *p)
{
	return p->tcp || p->upstream->to.tls;
}

static void replied(struct pending *p, struct message *m)
{
	upstream_replied(p->upstream);
	upstream_counts_reply(p->upstream->counts, m->rcode, clock_ns() - p->asked_ns);
	if ((m->rcode == RCODE_FORMERR || m->rcode == RCODE_NOTIMP) && !m->edns && !p->no_edns) {
		p->no_edns = true; /* RFC 6891 7: older than EDNS */
		again(p);
	} else if ((m->flags & FLAG_TC) != 0 && !is_stream(p)) {
		p->tcp = true;
		again(p);
	} else if (is_failure(m) && (p->tried + 1) >> p->of->count == 0 && p->tries < TRIES_MAX) {
		exchange_stop(&p->x);
		p->tcp = p->of->tcp;
		attempt(p);
	} else {
		finish(p, m);
	}
}

/* False: it is another one's. */
static bool take(struct pending *p, struct message *m)
{
	const bool is_old = p->no_edns; /* no cookie went out */

	switch (is_old ? COOKIE_FINE : cookie_check(&p->upstream->cookie, m, is_stream(p))) {
	case COOKIE_FOREIGN:
		return false;
	case COOKIE_LACKS:
		p->tcp = p->cookie_lost = true;
		again(p);
		return true;
	case COOKIE_RENEWED:
		p->tcp |= p->cookie_renewed; /* RFC 7873 5.3: twice in a row */
		p->cookie_renewed = true;
		again(p);
		return true;
	case COOKIE_REFUSED:
		again(p);
		return true;
	default:
		replied(p, m);
		return true;
	}
}

static bool on_message(struct exchange *x, const uint8_t *wire, size_t length)
{
	struct pending *p = caa_container_of(x, struct pending, x);
	struct message *m = &p->all->message;

	if (wire == NULL) {
		attempt_failed(p);
		return true;
	}
	if (length < WIRE_HEADER_BYTES || wire_get16(wire) != p->x.id)
		return false;
	switch (message_read(m, wire, length, &p->asked, !is_stream(p))) {
	case MESSAGE_FOREIGN:
		return false;
	case MESSAGE_CASE: /* a forger, or a server that does not keep the case: TCP tells */
		p->tcp = p->case_lost = true;
		again(p);
		return true;
	case MESSAGE_BROKEN:
		attempt_failed(p);
		return true;
	default:
		return take(p, m);
	}
}

static void attempt(struct pending *p)
{
	struct inflight *i = p->all;
	uint64_t now_ms = clock_ms(), wait_ms = i->config.timeout_ms;
	int at = upstreams_pick(p->of, p->tried, draw());

	if (at < 0 && !upstreams_all_down(p->of)) { /* all were tried: once more */
		p->tried = 0;
		at = upstreams_pick(p->of, 0, draw());
	}
	if (at < 0 || now_ms >= p->end_ms || p->tries++ >= TRIES_MAX) {
		unreachable(p);
		return;
	}
	p->tried |= 1U << at;
	p->upstream = &p->of->items[at];
	p->asked_ns = clock_ns();
	exchange_fill(&p->x, &p->asked, !p->no_edns, &p->upstream->cookie);
	wait_ms = wait_ms / 2 < p->end_ms - now_ms ? wait_ms / 2 : p->end_ms - now_ms;
	ev_timer_stop(i->loop, &p->timer);
	ev_now_update(i->loop);
	ev_timer_set(&p->timer, (double)wait_ms / 1000, 0.);
	ev_timer_start(i->loop, &p->timer);
	if (exchange_start(&p->x, p->upstream, p->tcp))
		return;
	const struct records full = records_failure("no socket", EDE_OTHER);
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		give_up(p, &full);
	else
		attempt_failed(p);
}

/* 0x20: letters in a case that a forger must guess too. */
static void question_fill(struct question *asked, const struct name *name, const struct query *q)
{
	uint64_t bits = (uint64_t)draw() << 32 | draw();

	memcpy(asked->bytes, name->wire, name->length);
	for (unsigned k = 0; k < name->length; k++) {
		uint8_t c = asked->bytes[k];
		if (c >= 'a' && c <= 'z' && (bits >> (k & 63) & 1) != 0)
			asked->bytes[k] = (uint8_t)(c - 0x20);
	}
	wire_put16(asked->bytes + name->length, q->type);
	wire_put16(asked->bytes + name->length + 2, CLASS_IN);
	asked->length = name->length + 4U;
	asked->type = q->type;
	asked->dnssec_ok = q->dnssec_ok;
	asked->checking_disabled = (q->flags & FLAG_CD) != 0;
}

/* prefetch: r only says who the client is. */
static void ask_new(struct inflight *i, const struct cache_key *key, const struct name *name, const struct query *q,
		    struct forward_request *r, bool prefetch)
{
	struct pending *p = mem_alloc(sizeof *p);

	p->all = i;
	p->key = *key;
	p->of = upstreams_hold(routes_find(i->routes, name));
	p->tcp = p->of->tcp;
	STAILQ_INIT(&p->waiters);
	question_fill(&p->asked, name, q);
	exchange_init(&p->x, i->loop, on_message);
	ev_init(&p->timer, on_timer);
	p->timer.data = p;
	p->end_ms = clock_ms() + 2 * i->config.timeout_ms;
	map_put(&i->pending, p->key.bytes, p->key.length, p);
	if (prefetch)
		p->charge = waiters_charge(&i->waiters, r);
	else
		waiters_add(&i->waiters, &p->waiters, r);
	if (upstreams_all_down(p->of)) {
		i->counts->all_down++;
		stale_meanwhile(p);
	}
	attempt(p);
}

void inflight_ask(struct inflight *i, struct forward_request *r, bool prefetch)
{
	struct query q;
	struct cache_key key;
	struct cache_hit hit;

	if (query_parse(&q, r->query, r->query_bytes) != QUERY_OK) {
		forward_send(r, NULL, 0);
		return;
	}
	const struct name *name = r->target.length > 0 ? &r->target : &q.name;
	cache_key_make(&key, name, q.type, q.dnssec_ok, (q.flags & FLAG_CD) != 0);
	struct pending *p = map_get(&i->pending, key.bytes, key.length);
	bool full = waiters_full(&i->waiters, r) ||
		    (p == NULL && map_count(&i->pending) >= FORWARD_PENDING); /* some wait for no client any more */
	if (prefetch) {
		if (p == NULL && !full)
			ask_new(i, &key, &q.name, &q, r, true);
		forward_send(r, NULL, 0);
	} else if (p == NULL && cache_find_again(i->cache, &key, cache_now_s(), &hit)) { /* came meanwhile */
		finish_begin(&i->waiters.finish);
		finish_request(&i->waiters.finish, r,
			       &(struct outcome){hit.records, hit.age_s, hit.ttl_s, {.cache = ORIGIN_HIT}});
	} else if (full) {
		waiters_reject(&i->waiters, &key, r);
	} else if (p != NULL) {
		waiters_add(&i->waiters, &p->waiters, r);
		if (p->charge != NULL) /* the others got a stale answer */
			reply_stale(p);
	} else {
		ask_new(i, &key, name, &q, r, false);
	}
}

struct inflight *inflight_new(const struct forward_config *config, struct ev_loop *loop, struct cache *cache,
			      struct forward_counts *counts, struct loop_marks *marks)
{
	struct inflight *i = mem_alloc(sizeof *i);

	i->config = *config;
	i->loop = loop;
	i->cache = cache;
	i->counts = counts;
	waiters_init(&i->waiters, config, cache, counts);
	i->routes = routes_new(config->plan, loop, counts, marks);
	return i;
}

void inflight_set_upstreams(struct inflight *i, const struct forward_server *to, size_t count)
{
	routes_set(i->routes, to, count);
}

void inflight_free(struct inflight *i)
{
	struct pending *p;
	struct forward_request *r;

	for (size_t at = 0; (p = map_next(&i->pending, &at)) != NULL;) {
		while ((r = STAILQ_FIRST(&p->waiters)) != NULL) {
			STAILQ_REMOVE_HEAD(&p->waiters, link);
			forward_send(r, NULL, 0);
		}
		pending_free(p);
	}
	map_fini(&i->pending);
	routes_free(i->routes);
	free(i);
}
