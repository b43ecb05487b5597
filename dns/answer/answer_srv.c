/* SRV records and the addresses of their targets. */
#include <string.h>

#include "dns/answer/answer.h"
#include "service/dns_index.h"

#define WEIGHT_SHARES 100 /* weights are an even share of this, at least 1 */
#define PORT_WORDS (65536 / 64)

/* The ports of a block that the filter asks for: every step of port_next is one of them. */
struct port_walk {
	const struct dns_port *block;
	const struct srv_filter *filter;
	size_t at, count;
};

static bool same_name(const struct srv_filter *f, const struct dns_port *p)
{
	return dns_port_compare_name(p, f->port, f->port_bytes, f->proto) == 0;
}

static struct port_walk walk_start(const struct view *v, size_t from, size_t count, const struct srv_filter *f)
{
	const struct dns_port *block = v->service->dns_ports + from;
	size_t at = f->port == NULL ? 0 : dns_index_find(block, count, f->port, f->port_bytes, f->proto);

	return (struct port_walk){block, f, at, count};
}

/* The next port with a number of its own; NULL at the end. */
static const struct dns_port *walk_next(struct port_walk *w)
{
	const struct dns_port *p = &w->block[w->at];

	if (w->at >= w->count)
		return NULL;
	if (w->filter->port == NULL) {
		w->at = p->next != 0 ? w->at + p->next : w->count;
		return p;
	}
	do {
		w->at++;
	} while (w->at < w->count && w->block[w->at].port == p->port && same_name(w->filter, &w->block[w->at]));
	if (w->at < w->count && !same_name(w->filter, &w->block[w->at]))
		w->at = w->count;
	return p;
}

/* Entries of a block, repeated numbers counted too (B.4). */
static size_t block_count(const struct view *v, size_t from, size_t count, const struct srv_filter *f)
{
	struct port_walk w = walk_start(v, from, count, f);
	size_t n = 0;

	if (f->port == NULL)
		return count;
	for (; w.at < count && n < WEIGHT_SHARES && same_name(f, &w.block[w.at]); w.at++)
		n++;
	return n;
}

/* Entries of endpoints; stops where more of them change nothing. */
static size_t endpoints_count(const struct view *v, const struct dns_endpoint *e, size_t count,
			      const struct srv_filter *f)
{
	size_t n = 0, each = 0;

	for (size_t i = 0; i < count && n <= WEIGHT_SHARES; i++) {
		bool same = i > 0 && e[i].ports_at == e[i - 1].ports_at && e[i].port_count == e[i - 1].port_count;
		if (!same)
			each = block_count(v, e[i].ports_at, e[i].port_count, f);
		n += each;
	}
	return n;
}

static size_t service_count(const struct view *v, const struct srv_filter *f)
{
	const struct service *s = v->service;

	if (v->kind == DNS_CLUSTER_IP)
		return block_count(v, 0, s->dns_service_ports, f) * (v->v4_count + v->v6_count);
	return endpoints_count(v, s->dns_endpoints, s->dns_endpoint_count, f);
}

/* Where targets are named: the service's place in the question, and the weight that all records share. */
struct srv {
	const struct zone *zone;
	const struct view *view;
	const struct srv_filter *filter;
	struct reply *reply;
	unsigned owner_at;
	unsigned service_at;	/* <service>.<ns>.svc… in the message */
	const uint8_t *service; /* the same, lower case, uncompressed */
	unsigned service_bytes;
	uint16_t weight; /* ⌊100/n⌋ over service × address × port (B.4), at least 1 */
};

static struct srv srv_start(const struct zone *z, const struct owner_ref *s, const struct view *v, size_t entries)
{
	unsigned first = s->name->label_at[s->above - 3];

	return (struct srv){
		.zone = z,
		.view = v,
		.owner_at = owner_ref_at(s, 0),
		.service_at = owner_ref_at(s, s->above - 3),
		.service = s->name->wire + first,
		.service_bytes = s->name->length - first,
		.weight = (uint16_t)(entries > WEIGHT_SHARES ? 1 : WEIGHT_SHARES / entries),
	};
}

/* With a very long cluster domain a label may not fit in front: such a name cannot be asked for either. */
static bool name_fits(const struct srv *c, size_t label_bytes)
{
	return label_bytes + 1 + c->service_bytes <= NAME_BYTES;
}

/* label "" = the service itself. */
static bool put_srv(const struct srv *c, const char *label, uint16_t port)
{
	struct writer *w = &c->reply->w;
	size_t label_bytes = strlen(label);

	if (!name_fits(c, label_bytes))
		return true;
	uint8_t *p = record_open(c->reply, c->owner_at, TYPE_SRV, c->zone->ttl_s);
	if (p == NULL)
		return false;
	writer_u16(w, 0);
	writer_u16(w, c->weight);
	writer_u16(w, port);
	if (label_bytes > 0) {
		writer_u8(w, (unsigned)label_bytes);
		writer_bytes(w, label, label_bytes);
	}
	writer_bytes(w, c->service, c->service_bytes);
	return record_close(c->reply, p, &c->reply->answers);
}

/* The address of an endpoint: its owner is a label in front of the service's name. */
static bool put_glue(const struct srv *c, const struct dns_endpoint *e)
{
	struct writer *w = &c->reply->w;
	size_t mark = w->at, label_bytes = strlen(e->label);
	unsigned bytes = (unsigned)addr_bytes(&e->addr);

	if (!name_fits(c, label_bytes))
		return true;
	writer_u8(w, (unsigned)label_bytes);
	writer_bytes(w, e->label, label_bytes);
	writer_pointer(w, c->service_at);
	writer_u16(w, bytes == 4 ? TYPE_A : TYPE_AAAA);
	writer_u16(w, CLASS_IN);
	writer_u32(w, c->zone->ttl_s);
	writer_u16(w, bytes);
	writer_bytes(w, e->addr.bytes, bytes);
	if (w->full) {
		writer_back(w, mark);
		return false;
	}
	c->reply->additionals++;
	return true;
}

/* ---- ClusterIP ---- */

static void cluster_ip_glue(const struct srv *c)
{
	const struct service *s = c->view->service;

	for (size_t i = 0; i < s->cluster_ip_count; i++)
		record_addr(c->reply, &c->reply->additionals, c->service_at, &s->cluster_ips[i], c->zone->ttl_s);
}

/* 53/UDP and 53/TCP make one record. */
static void cluster_ip_answer(const struct srv *c)
{
	struct port_walk w = walk_start(c->view, 0, c->view->service->dns_service_ports, c->filter);
	const struct dns_port *p;

	while ((p = walk_next(&w)) != NULL) {
		if (!put_srv(c, "", p->port)) {
			c->reply->truncated = true;
			return;
		}
	}
	cluster_ip_glue(c);
}

/* ---- endpoints ---- */

static size_t run_length(const struct dns_endpoint *e, size_t count)
{
	size_t n = 1;

	while (n < count && strcmp(e[n].label, e[0].label) == 0)
		n++;
	return n;
}

/* The ports of one endpoint, but for numbers in `seen` (NULL: it is the only one of its label). */
static void endpoint_answer(const struct srv *c, const struct dns_endpoint *e, uint64_t *seen)
{
	struct port_walk w = walk_start(c->view, e->ports_at, e->port_count, c->filter);
	const struct dns_port *p;

	while (!c->reply->truncated && (p = walk_next(&w)) != NULL) {
		if (seen != NULL && (seen[p->port / 64] & UINT64_C(1) << p->port % 64) != 0)
			continue;
		if (seen != NULL)
			seen[p->port / 64] |= UINT64_C(1) << p->port % 64;
		if (!put_srv(c, e->label, p->port))
			c->reply->truncated = true;
	}
}

static bool same_ports(const struct dns_endpoint *a, const struct dns_endpoint *b)
{
	return a->ports_at == b->ports_at && a->port_count == b->port_count;
}

/* The endpoints of one label: a number that two of them have makes one record. */
static void run_answer(const struct srv *c, const struct dns_endpoint *run, size_t count)
{
	uint64_t seen[PORT_WORDS];
	bool differ = false;

	for (size_t i = 1; i < count && !differ; i++)
		differ = !same_ports(&run[i], &run[0]);
	if (!differ) {
		endpoint_answer(c, run, NULL);
		return;
	}
	memset(seen, 0, sizeof seen);
	for (size_t i = 0; i < count && !c->reply->truncated; i++)
		if (i == 0 || !same_ports(&run[i], &run[i - 1]))
			endpoint_answer(c, &run[i], seen);
}

/* Addresses of the targets; equal ones of a label stand together. */
static void endpoints_glue(const struct srv *c, const struct dns_endpoint *e, size_t count)
{
	const struct dns_endpoint *last = NULL;

	for (size_t i = 0; i < count; i++) {
		if (last != NULL && strcmp(e[i].label, last->label) == 0 && addr_equal(&e[i].addr, &last->addr))
			continue;
		if (block_count(c->view, e[i].ports_at, e[i].port_count, c->filter) == 0)
			continue;
		if (!put_glue(c, e + i))
			return;
		last = e + i;
	}
}

/* From a label that takes turns: of a large set another part is in each reply. */
static void endpoints_answer(const struct srv *c, const struct dns_endpoint *e, size_t count)
{
	size_t first = count != 0 ? c->reply->rotation % count : 0;

	while (first > 0 && strcmp(e[first].label, e[first - 1].label) == 0)
		first--;
	for (size_t done = 0; done < count && !c->reply->truncated;) {
		size_t at = (first + done) % count, n = run_length(e + at, count - at);
		run_answer(c, e + at, n);
		done += n;
	}
	if (!c->reply->truncated)
		endpoints_glue(c, e, count);
}

void srv_answer(const struct zone *z, const struct owner_ref *s, const struct view *v, const struct srv_filter *f,
		struct reply *r)
{
	size_t entries = service_count(v, f);

	if (entries == 0) {
		answer_nodata(z, s, r);
		return;
	}
	struct srv c = srv_start(z, s, v, entries);
	c.filter = f;
	c.reply = r;
	if (v->kind == DNS_CLUSTER_IP)
		cluster_ip_answer(&c);
	else
		endpoints_answer(&c, v->service->dns_endpoints, v->service->dns_endpoint_count);
	if (r->answers == 0 && !r->truncated)
		answer_nodata(z, s, r);
}

void srv_endpoint(const struct zone *z, const struct owner_ref *s, const struct view *v, const struct dns_endpoint *run,
		  size_t run_count, struct reply *r)
{
	struct srv_filter every = {0};
	size_t entries = endpoints_count(v, run, run_count, &every);

	if (entries == 0) {
		answer_nodata(z, s, r);
		return;
	}
	struct srv c = srv_start(z, s, v, entries);
	c.filter = &every;
	c.reply = r;
	endpoints_answer(&c, run, run_count);
}
