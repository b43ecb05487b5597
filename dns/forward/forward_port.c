/* What workers do themselves: they read the cache, and hand queries over. */
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "dns/forward/forward_private.h"
#include "dns/forward/local_names.h"

/* so_far: NULL, or a reply that is to be finished; target: NULL, or the name that it leads to. */
static bool push(struct forward_port *p, const struct packet *in, const struct dns_client *client, uintptr_t mark,
		 const struct reply *so_far, const struct name *target)
{
	size_t prefix_bytes = so_far != NULL ? so_far->w.at - so_far->records_at : 0;
	size_t text_bytes = so_far != NULL ? so_far->ede_text_bytes : 0;
	unsigned head = atomic_load_explicit(&p->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&p->tail, memory_order_acquire) == FORWARD_RING)
		return false;
	const int place = quota_take(&p->forward->quota, in->from);
	if (place == QUOTA_NONE)
		return false;
	struct forward_request *r = mem_alloc(sizeof *r + in->length + prefix_bytes + text_bytes);
	r->port = p;
	r->place = place;
	memcpy(&r->from, in->from,
	       in->from->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
	r->proto = in->proto;
	r->fd = client->fd;
	r->conn = mark == FORWARD_PREFETCH ? NULL : client->conn;
	r->control_bytes = client->control_bytes <= sizeof r->control ? client->control_bytes : 0;
	if (r->control_bytes > 0)
		memcpy(r->control, client->control, r->control_bytes);
	r->received_ns = clock_ns();
	r->query_bytes = in->length;
	memcpy(r->query, in->bytes, in->length);
	if (target != NULL)
		r->target = *target;
	if (so_far != NULL) {
		r->search.labels = (uint8_t)so_far->search_labels;
		r->ede = (int16_t)so_far->ede;
		r->ede_text_bytes = so_far->ede_text_bytes;
		r->prefix_answers = (uint16_t)so_far->answers;
		r->prefix_authorities = (uint16_t)so_far->authorities;
		r->prefix_bytes = prefix_bytes;
		memcpy(r->query + in->length, so_far->w.bytes + so_far->records_at, prefix_bytes);
		memcpy(r->query + in->length + prefix_bytes, so_far->ede_text, text_bytes);
	}
	p->ring[head % FORWARD_RING] = (uintptr_t)r | mark;
	atomic_store_explicit(&p->head, head + 1, memory_order_release);
	ev_async_send(p->forward->loop, &p->forward->wake);
	return true;
}

/* As push, for a query that wants a reply. */
static bool push_query(struct forward_port *p, const struct packet *in, const struct dns_client *client,
		       const struct reply *so_far, const struct name *target)
{
	if (push(p, in, client, 0, so_far, target))
		return true;
	atomic_fetch_add_explicit(&p->forward->counts.rejects, 1, memory_order_relaxed);
	return false;
}

static void write_too_many(struct reply *r)
{
	const struct records failure = records_failure("too many queries wait", EDE_OTHER);

	writer_back(&r->w, r->records_at);
	r->answers = r->authorities = r->additionals = 0;
	r->aa = r->truncated = false;
	records_write(r, &failure, 0, 0);
}

bool forward_hand_over(struct forward_port *p, const struct packet *in, const struct dns_client *client,
		       const struct query *q, struct reply *r)
{
	struct cache_key key;
	struct records stale;

	if (push_query(p, in, client, NULL, NULL))
		return true;
	cache_key_make(&key, &q->name, q->type, q->dnssec_ok, (q->flags & FLAG_CD) != 0);
	if (cache_stale_records(p->forward->cache, &key, cache_now_s(), &stale))
		records_write(r, &stale, 0, CACHE_STALE_TTL_S);
	else
		write_too_many(r);
	return false;
}

bool forward_finish(struct forward_port *p, const struct packet *in, const struct dns_client *client,
		    struct reply *so_far)
{
	struct name target;
	size_t at = so_far->outside_at;

	if (!name_read(&target, so_far->w.bytes, so_far->w.at, &at) || !forward_serves(p, &target) ||
	    (plan_stub_of(p->forward->config.plan, &target) == NULL && local_zone(&target) != 0))
		return false;
	if (push_query(p, in, client, so_far, &target))
		return true;
	write_too_many(so_far);
	return false;
}

bool forward_search(struct forward_port *p, const struct packet *in, const struct dns_client *client,
		    const struct reply *miss)
{
	return push_query(p, in, client, miss, NULL);
}

bool forward_serves(const struct forward_port *p, const struct name *name)
{
	return plan_serves(p->forward->config.plan, name) || local_zone(name) > 0;
}

bool forward_answer(struct forward_port *p, const struct packet *in, const struct dns_client *client,
		    const struct query *q, struct reply *r)
{
	const bool stub = plan_stub_of(p->forward->config.plan, &q->name) != NULL;
	unsigned zone_labels = stub ? 0 : local_zone(&q->name); /* a stub domain wins */
	uint32_t now_s = cache_now_s();
	struct cache_key key;
	struct cache_hit hit;

	if (q->type == TYPE_HINFO && loop_note(&p->forward->marks, &q->name)) {
		r->rcode = RCODE_NXDOMAIN;
		return true;
	}
	if (zone_labels > 0) {
		local_answer(&q->name, zone_labels, q->type, r);
		return true;
	}
	cache_key_make(&key, &q->name, q->type, q->dnssec_ok, (q->flags & FLAG_CD) != 0);
	if (!cache_find(p->forward->cache, &key, now_s, &hit))
		return false;
	records_write(r, hit.records, hit.age_s, hit.ttl_s);
	r->cached = true;
	if (hit.refresh)
		push(p, in, client, FORWARD_PREFETCH, NULL, NULL);
	return true;
}
