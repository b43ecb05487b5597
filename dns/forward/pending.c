/* One question: asks upstreams, tries the next one, answers all who wait. */
#include "dns/forward/pending.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <urcu/compiler.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/sock.h"
#include "dns/forward/routes.h"

#define TRIES_MAX 6

static void attempt(struct pending *p);

static uint32_t draw(void)
{
	uint32_t n;

	random_fill(&n, sizeof n);
	return n;
}

/* ---- the question ---- */

void pending_free(struct pending *p)
{
	exchange_stop(&p->x);
	ev_timer_stop(p->all->loop, &p->timer);
	map_del(&p->all->map, p->key.bytes, p->key.length);
	upstreams_release(p->of);
	quota_give(p->all->quota, p->place);
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

bool pending_reply_stale(struct pending *p)
{
	const struct origin asked = origin_of(p);

	return waiters_reply_stale(&p->all->waiters, &p->waiters, &p->key, &asked);
}

/* They need not wait for the next attempt, which goes on without them. */
static void stale_meanwhile(struct pending *p)
{
	struct quota *quota = p->all->quota;
	const int place = STAILQ_EMPTY(&p->waiters) ? QUOTA_NONE : STAILQ_FIRST(&p->waiters)->place;

	if (place == QUOTA_NONE)
		return;
	quota_keep(quota, place);
	if (pending_reply_stale(p) && p->place == QUOTA_NONE)
		p->place = place;
	else
		quota_give(quota, place);
}

static void give_up(struct pending *p, const struct records *why)
{
	if (!pending_reply_stale(p))
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
	struct pending *p = w->data;
	struct pendings *i = p->all;

	(void)loop, (void)events;
	attempt_failed(p);
	i->answered(i->ctx);
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
	if (!is_failure(m) || !pending_reply_stale(p))
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
	case COOKIE_OF_ANOTHER:
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

static bool on_wire(struct pending *p, const uint8_t *wire, size_t length)
{
	struct message *m = &p->all->message;

	if (wire == NULL) {
		attempt_failed(p);
		return true;
	}
	if (length < WIRE_HEADER_BYTES || wire_get16(wire) != p->x.id)
		return false;
	switch (message_read(m, wire, length, &p->asked, !is_stream(p))) {
	case MESSAGE_UNRELATED:
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

static bool on_message(struct exchange *x, const uint8_t *wire, size_t length)
{
	struct pending *p = caa_container_of(x, struct pending, x);
	struct pendings *i = p->all;
	bool used = on_wire(p, wire, length);

	i->answered(i->ctx);
	return used;
}

static void attempt(struct pending *p)
{
	struct pendings *i = p->all;
	uint64_t now_ms = clock_ms(), wait_ms = i->timeout_ms;
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
	if (sock_is_starved(errno))
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

static struct pending *pending_new(struct pendings *i, const struct cache_key *key, const struct name *name,
				   const struct query *q)
{
	struct pending *p = mem_alloc(sizeof *p);

	p->all = i;
	p->key = *key;
	p->of = upstreams_hold(routes_find(i->routes, name));
	p->tcp = p->of->tcp;
	p->place = QUOTA_NONE;
	STAILQ_INIT(&p->waiters);
	question_fill(&p->asked, name, q);
	exchange_init(&p->x, i->loop, on_message);
	ev_init(&p->timer, on_timer);
	p->timer.data = p;
	p->end_ms = clock_ms() + 2 * i->timeout_ms;
	map_put(&i->map, p->key.bytes, p->key.length, p);
	return p;
}

static void first_attempt(struct pending *p)
{
	if (upstreams_all_down(p->of)) {
		p->all->counts->all_down++;
		stale_meanwhile(p);
	}
	attempt(p);
}

void pending_ask(struct pendings *i, const struct cache_key *key, const struct name *name, const struct query *q,
		 struct forward_request *r)
{
	struct pending *p = pending_new(i, key, name, q);

	waiters_add(&i->waiters, &p->waiters, r);
	first_attempt(p);
}

void pending_prefetch(struct pendings *i, const struct cache_key *key, const struct name *name, const struct query *q,
		      int place)
{
	struct pending *p = pending_new(i, key, name, q);

	p->place = place;
	first_attempt(p);
}
