/* SRV records and the addresses of their targets. */
#include <string.h>

#include "dns/answer/answer.h"

static bool filter_match(const struct srv_filter *f, const struct dns_port *p)
{
	if (f->proto != 0 && p->proto != f->proto)
		return false;
	if (f->named_only && p->name[0] == '\0')
		return false;
	return f->port == NULL || (strlen(p->name) == f->port_bytes && memcmp(p->name, f->port, f->port_bytes) == 0);
}

static uint32_t ports_count(const struct dns_port *ports, size_t count, const struct srv_filter *f)
{
	uint32_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += filter_match(f, &ports[i]);
	return n;
}

static uint32_t endpoints_count(const struct view *v, const struct dns_endpoint *e, size_t count,
				const struct srv_filter *f)
{
	uint32_t n = 0, each = 0;

	for (size_t i = 0; i < count; i++) {
		bool same = i > 0 && e[i].ports_at == e[i - 1].ports_at && e[i].port_count == e[i - 1].port_count;
		if (!same)
			each = ports_count(v->service->dns_ports + e[i].ports_at, e[i].port_count, f);
		n += each;
	}
	return n;
}

uint32_t srv_count(const struct view *v, const struct srv_filter *f)
{
	const struct service *s = v->service;

	if (v->kind == DNS_CLUSTER_IP)
		return ports_count(s->dns_ports, s->dns_service_ports, f) * (v->v4_count + v->v6_count);
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

static struct srv srv_start(const struct zone *z, const struct spot *s, const struct view *v, uint32_t entries)
{
	unsigned first = s->name->label_at[s->above - 3];

	return (struct srv){
		.zone = z,
		.view = v,
		.owner_at = spot_at(s, 0),
		.service_at = spot_at(s, s->above - 3),
		.service = s->name->wire + first,
		.service_bytes = s->name->length - first,
		.weight = (uint16_t)(entries > 100 ? 1 : 100 / entries),
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
static bool port_repeated(const struct srv *c, const struct dns_port *ports, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (ports[j].port == ports[i].port && filter_match(c->filter, &ports[j]))
			return true;
	}
	return false;
}

static void cluster_ip_answer(const struct srv *c)
{
	const struct service *s = c->view->service;

	for (size_t i = 0; i < s->dns_service_ports; i++) {
		if (!filter_match(c->filter, &s->dns_ports[i]) || port_repeated(c, s->dns_ports, i))
			continue;
		if (!put_srv(c, "", s->dns_ports[i].port)) {
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

/* True when an endpoint of the run before `i`, or an earlier port of it, already named this port. */
static bool run_port_repeated(const struct srv *c, const struct dns_endpoint *run, size_t i, size_t port)
{
	const struct dns_port *ports = c->view->service->dns_ports;
	uint16_t number = ports[run[i].ports_at + port].port;

	for (size_t k = 0; k <= i; k++) {
		size_t end = k == i ? port : run[k].port_count;
		for (size_t j = 0; j < end; j++) {
			const struct dns_port *p = &ports[run[k].ports_at + j];
			if (p->port == number && filter_match(c->filter, p))
				return true;
		}
	}
	return false;
}

static void run_answer(const struct srv *c, const struct dns_endpoint *run, size_t count, const char *label)
{
	const struct dns_port *ports = c->view->service->dns_ports;

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && run[i].ports_at == run[i - 1].ports_at && run[i].port_count == run[i - 1].port_count)
			continue;
		for (size_t j = 0; j < run[i].port_count; j++) {
			const struct dns_port *p = &ports[run[i].ports_at + j];
			if (filter_match(c->filter, p) && !run_port_repeated(c, run, i, j) &&
			    !put_srv(c, label, p->port))
				c->reply->truncated = true;
		}
	}
}

/* Addresses of the targets; equal ones of a label stand together. */
static void endpoints_glue(const struct srv *c, const struct dns_endpoint *e, size_t count)
{
	const struct dns_endpoint *last = NULL;

	for (size_t i = 0; i < count; i++) {
		if (last != NULL && strcmp(e[i].label, last->label) == 0 && addr_equal(&e[i].addr, &last->addr))
			continue;
		if (endpoints_count(c->view, e + i, 1, c->filter) == 0)
			continue;
		if (!put_glue(c, e + i))
			return;
		last = e + i;
	}
}

static void endpoints_answer(const struct srv *c, const struct dns_endpoint *e, size_t count)
{
	for (size_t i = 0; i < count && !c->reply->truncated;) {
		size_t n = run_length(e + i, count - i);
		run_answer(c, e + i, n, e[i].label);
		i += n;
	}
	if (!c->reply->truncated)
		endpoints_glue(c, e, count);
}

void srv_answer(const struct zone *z, const struct spot *s, const struct view *v, const struct srv_filter *f,
		struct reply *r)
{
	uint32_t entries = srv_count(v, f);

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

void srv_endpoint(const struct zone *z, const struct spot *s, const struct view *v, const struct dns_endpoint *run,
		  size_t run_count, struct reply *r)
{
	struct srv_filter every = {0};
	uint32_t entries = endpoints_count(v, run, run_count, &every);

	if (entries == 0) {
		answer_nodata(z, s, r);
		return;
	}
	struct srv c = srv_start(z, s, v, entries);
	c.filter = &every;
	c.reply = r;
	endpoints_answer(&c, run, run_count);
}
