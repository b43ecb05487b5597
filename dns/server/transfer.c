/* Makes the messages of a zone transfer. */
#include "dns/server/transfer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sock.h"
#include "dns/answer/question.h"

#define MESSAGE_BYTES 16000		      /* below 16384, so that every offset fits a compression pointer */
#define SCRATCH_BYTES (1024 * 1024)	      /* of one RRset at first */
#define SCRATCH_MAX_BYTES (256 * 1024 * 1024) /* a larger RRset ends the transfer: part of one would be a lie */

/* ---- request ---- */

static bool client_allowed(const struct respond_config *c, const struct sockaddr *from)
{
	struct addr a;

	sock_parse(&a, from);
	for (size_t i = 0; i < c->transfer_count; i++) {
		if (cidr_contains(&c->transfer[i], &a))
			return true;
	}
	return false;
}

/* Behind the name at `at`, which may be compressed; past the end when it is cut off. */
static size_t skip_name(const uint8_t *message, size_t length, size_t at)
{
	while (at < length && message[at] != 0 && message[at] < 0xc0)
		at += message[at] + 1U;
	return at < length && message[at] >= 0xc0 ? at + 2 : at + 1;
}

/* The serial in the authority section of an IXFR request (RFC 1995 3); without one it is a plain AXFR. */
static bool client_serial(const struct query *q, const uint8_t *message, size_t length, uint32_t *serial)
{
	size_t at = skip_name(message, length, q->question_end);

	if (wire_get16(message + 8) != 1 || at + 10 + 22 > length || wire_get16(message + at) != TYPE_SOA)
		return false;
	at += 10; /* the data: two names and five numbers, the serial first */
	at = skip_name(message, length, skip_name(message, length, at));
	if (at + 4 > length)
		return false;
	*serial = wire_get32(message + at);
	return true;
}

bool transfer_wanted(const struct respond_config *c, const struct packet *in, struct transfer *t)
{
	const struct name *domain = &c->zone->domain;

	if (c->transfer_count == 0 || in->proto != RESPOND_TCP || in->length > sizeof t->message)
		return false;
	memcpy(t->message, in->bytes, in->length);
	if (query_parse(&t->query, t->message, in->length) != QUERY_OK)
		return false;
	const struct query *q = &t->query;
	if ((q->type != TYPE_AXFR && q->type != TYPE_IXFR) || q->class != CLASS_IN || q->edns_version != 0)
		return false;
	if (q->name.length != domain->length || memcmp(q->name.wire, domain->wire, domain->length) != 0)
		return false;
	t->incremental = q->type == TYPE_IXFR && client_serial(q, t->message, in->length, &t->serial);
	return atomic_load(&((struct zone *)c->zone)->complete) && client_allowed(c, in->from);
}

/* ---- stream ---- */

struct stream {
	const struct respond_config *config;
	const struct transfer *transfer;
	const struct sockaddr *from;
	struct buf *out;
	struct reply reply; /* the message being filled */
	uint8_t message[MESSAGE_BYTES];
	uint8_t *scratch; /* where answers are made */
	size_t scratch_bytes;
	bool broken; /* off: it is too large, or to be stopped */
};

static void message_begin(struct stream *s)
{
	const struct query *q = &s->transfer->query;

	s->reply = (struct reply){.ede = EDE_NONE, .aa = true};
	s->reply.w = (struct writer){s->message, q->question_end,
				     sizeof s->message - edns_bytes(&s->config->edns, q, true), false};
	memcpy(s->message, s->transfer->message, q->question_end);
}

static void message_end(struct stream *s)
{
	const struct query *q = &s->transfer->query;
	uint8_t prefix[2], *p = s->message;

	s->reply.w.limit = sizeof s->message;
	if (q->edns)
		edns_write(&s->config->edns, q, s->from, true, &s->reply);
	wire_put16(p + 2, FLAG_QR | FLAG_AA | FLAG_RA | (q->flags & (FLAG_RD | FLAG_CD)));
	wire_put16(p + 6, s->reply.answers);
	wire_put16(p + 8, 0);
	wire_put16(p + 10, s->reply.additionals);
	wire_put16(prefix, (unsigned)s->reply.w.at);
	buf_add(s->out, prefix, sizeof prefix);
	buf_add(s->out, s->message, s->reply.w.at);
}

/* Owner: the labels in front of the apex, then a pointer to the question, which is the apex. */
static bool put_record(struct writer *w, const struct name *owner, unsigned above, const uint8_t *fixed,
		       const uint8_t *data, size_t data_bytes)
{
	size_t mark = w->at;

	writer_bytes(w, owner->wire, owner->label_at[above]);
	writer_pointer(w, WIRE_HEADER_BYTES);
	writer_bytes(w, fixed, 8); /* type, class, TTL */
	writer_u16(w, (unsigned)data_bytes);
	writer_bytes(w, data, data_bytes);
	if (!w->full)
		return true;
	writer_back(w, mark);
	return false;
}

static void emit(struct stream *s, const struct name *owner, const uint8_t *fixed, const uint8_t *data,
		 size_t data_bytes)
{
	unsigned above = owner->labels - s->config->zone->domain.labels;

	if (!put_record(&s->reply.w, owner, above, fixed, data, data_bytes)) {
		message_end(s);
		message_begin(s);
		put_record(&s->reply.w, owner, above, fixed, data, data_bytes);
	}
	s->reply.answers++;
}

/* Copies a name at *at of the scratch message without its compression; returns its length. */
static size_t expand_name(const uint8_t *message, size_t *at, uint8_t *to)
{
	size_t from = *at, length = 0;
	bool jumped = false;

	while (message[from] != 0) {
		if (message[from] >= 0xc0) {
			if (!jumped)
				*at = from + 2;
			jumped = true;
			from = wire_get16(message + from) & 0x3fff;
			continue;
		}
		memcpy(to + length, message + from, message[from] + 1U);
		length += message[from] + 1U;
		from += message[from] + 1U;
	}
	to[length++] = 0;
	if (!jumped)
		*at = from + 1;
	return length;
}

/* Record data as it stands alone. */
static size_t expand_data(const uint8_t *message, size_t at, size_t length, unsigned type, uint8_t *to)
{
	size_t end = at + length, size = 0;

	switch (type) {
	case TYPE_SOA:
		size = expand_name(message, &at, to);
		size += expand_name(message, &at, to + size);
		break;
	case TYPE_NS:
	case TYPE_CNAME:
		size = expand_name(message, &at, to);
		break;
	default:
		break;
	}
	memcpy(to + size, message + at, end - at);
	return size + end - at;
}

/*
 * The answer to one question becomes records of the transfer. Those of a followed CNAME belong to other names, which
 * have their turn: their owner is not the question.
 */
static struct reply make_answer(struct stream *s, const struct name *name, unsigned type)
{
	struct reply r = {.ede = EDE_NONE};

	r.records_at = WIRE_HEADER_BYTES + name->length + 4U;
	r.w = (struct writer){s->scratch, r.records_at, s->scratch_bytes, false};
	memcpy(s->scratch + WIRE_HEADER_BYTES, name->wire, name->length);
	question_answer(s->config->zone, name, type, &r);
	return r;
}

static void emit_answer(struct stream *s, const struct name *name, unsigned type)
{
	struct reply r = make_answer(s, name, type);
	uint8_t data[WIRE_HEADER_BYTES + 3 * NAME_BYTES];

	while (r.truncated && s->scratch_bytes < SCRATCH_MAX_BYTES) {
		s->scratch_bytes *= 2;
		s->scratch = mem_resize(s->scratch, s->scratch_bytes);
		r = make_answer(s, name, type);
	}
	s->broken |= r.truncated || s->out->length_bytes > TRANSFER_BYTES_MAX;
	size_t at = r.records_at;
	for (uint32_t i = 0; i < r.answers; i++) {
		const uint8_t *rr = s->scratch + at;
		size_t data_bytes = wire_get16(rr + 10);
		if (wire_get16(rr) == (0xc000 | WIRE_HEADER_BYTES) && wire_get16(rr + 2) == type)
			emit(s, name, rr + 2, data,
			     expand_data(s->scratch, at + RECORD_FIXED_BYTES, data_bytes, type, data));
		at += RECORD_FIXED_BYTES + data_bytes;
	}
}

/* ---- zone ---- */

/* prefix: wire labels in front of the cluster domain. Too long a name cannot be asked for: nothing. */
static void emit_below(struct stream *s, const uint8_t *prefix, size_t prefix_bytes, const unsigned *types)
{
	const struct name *domain = &s->config->zone->domain;
	uint8_t wire[2 * NAME_BYTES];
	struct name name;
	size_t at = 0;

	memcpy(wire, prefix, prefix_bytes);
	memcpy(wire + prefix_bytes, domain->wire, domain->length);
	if (!name_read(&name, wire, prefix_bytes + domain->length, &at))
		return;
	s->broken |= s->transfer->stop != NULL && atomic_load(s->transfer->stop);
	for (; *types != 0 && !s->broken; types++)
		emit_answer(s, &name, *types);
}

static size_t put_label(uint8_t *to, const char *prefix, const char *text)
{
	int length = snprintf((char *)to + 1, NAME_LABEL_BYTES + 1, "%s%s", prefix, text);

	to[0] = (uint8_t)(length > NAME_LABEL_BYTES ? NAME_LABEL_BYTES : length);
	return to[0] + 1U;
}

static size_t put_service(uint8_t *to, const struct service *service)
{
	size_t length = put_label(to, "", service->name);

	length += put_label(to + length, "", service->ns);
	return length + put_label(to + length, "", "svc");
}

static const char *proto_text(uint8_t proto)
{
	return proto == IPPROTO_UDP ? "udp" : proto == IPPROTO_SCTP ? "sctp" : "tcp";
}

static void emit_ports(struct stream *s, const struct view *v)
{
	static const unsigned types[] = {TYPE_SRV, 0};
	const struct service *service = v->service;
	uint8_t prefix[5 * (NAME_LABEL_BYTES + 2)];

	for (size_t i = 0; i < service->dns_named_count; i++) {
		const struct dns_port *p = &service->dns_ports[service->dns_named[i]];
		size_t length = put_label(prefix, "_", p->name);
		length += put_label(prefix + length, "_", proto_text(p->proto));
		length += put_service(prefix + length, service);
		emit_below(s, prefix, length, types);
	}
}

static void emit_endpoints(struct stream *s, const struct view *v)
{
	static const unsigned types[] = {TYPE_A, TYPE_AAAA, TYPE_SRV, 0};
	const struct service *service = v->service;
	uint8_t prefix[4 * (NAME_LABEL_BYTES + 2)];

	for (size_t i = 0; i < service->dns_endpoint_count; i++) {
		const char *label = service->dns_endpoints[i].label;
		if (i > 0 && strcmp(label, service->dns_endpoints[i - 1].label) == 0)
			continue;
		size_t length = put_label(prefix, "", label);
		length += put_service(prefix + length, service);
		emit_below(s, prefix, length, types);
	}
}

static void emit_service(struct stream *s, const struct view *v)
{
	static const unsigned alias[] = {TYPE_CNAME, 0}, types[] = {TYPE_A, TYPE_AAAA, TYPE_SRV, 0};
	uint8_t prefix[3 * (NAME_LABEL_BYTES + 2)];
	size_t length = put_service(prefix, v->service);

	emit_below(s, prefix, length, v->kind == DNS_EXTERNAL_NAME ? alias : types);
	if (v->kind != DNS_CLUSTER_IP && v->kind != DNS_HEADLESS)
		return;
	emit_ports(s, v);
	emit_endpoints(s, v);
}

static int view_compare(const void *a, const void *b)
{
	const struct service *x = (*(const struct view *const *)a)->service,
			     *y = (*(const struct view *const *)b)->service;

	return service_name_compare(x, y);
}

/* Every service of this moment, by namespace and name. Valid until this thread's next quiescent state. */
static const struct view **views_sorted(const struct zone *z, size_t *count)
{
	size_t room = 0, n = 0;
	const struct view **views = NULL;
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_for_each(z->services, &iter, node)
	{
		views = mem_grow(views, n, &room, sizeof *views);
		views[n++] = service_entry_view(caa_container_of(node, struct service_entry, node));
	}
	if (n != 0)
		qsort(views, n, sizeof *views, view_compare);
	*count = n;
	return views;
}

static void emit_soa(struct stream *s, const uint8_t *fixed, const uint8_t *data, size_t data_bytes)
{
	emit(s, &s->config->zone->domain, fixed, data, data_bytes);
}

static void emit_zone(struct stream *s)
{
	static const unsigned apex[] = {TYPE_NS, 0}, text[] = {TYPE_TXT, 0}, server[] = {TYPE_A, TYPE_AAAA, 0};
	size_t count;
	const struct view **views = views_sorted(s->config->zone, &count);

	emit_below(s, (const uint8_t *)"", 0, apex);
	emit_below(s, (const uint8_t *)"\2ns\3dns", 7, server);
	emit_below(s, (const uint8_t *)"\13dns-version", 12, text);
	for (size_t i = 0; i < count && !s->broken; i++)
		emit_service(s, views[i]);
	free(views);
}

bool transfer_build(const struct respond_config *c, const struct transfer *t, const struct sockaddr *from,
		    struct buf *out)
{
	struct stream *s = mem_alloc(sizeof *s);
	uint8_t fixed[8], soa[2 * NAME_BYTES + 20];
	struct reply r = {.ede = EDE_NONE};
	struct name name = c->zone->domain;

	s->config = c;
	s->transfer = t;
	s->from = from;
	s->out = out;
	s->scratch_bytes = SCRATCH_BYTES;
	s->scratch = mem_alloc(s->scratch_bytes);
	message_begin(s);
	/* The first and the last record are the same SOA, whatever happens in between. */
	r.w = (struct writer){s->scratch, WIRE_HEADER_BYTES + name.length, s->scratch_bytes, false};
	memcpy(s->scratch + WIRE_HEADER_BYTES, name.wire, name.length);
	uint8_t *rr = s->scratch + r.w.at;
	record_soa(&r, &r.answers, WIRE_HEADER_BYTES, c->zone->ttl_s, c->zone);
	memcpy(fixed, rr + 2, sizeof fixed);
	size_t soa_bytes = expand_data(s->scratch, (size_t)(rr - s->scratch) + RECORD_FIXED_BYTES, wire_get16(rr + 10),
				       TYPE_SOA, soa);
	emit_soa(s, fixed, soa, soa_bytes);
	bool current = t->incremental && (int32_t)(t->serial - wire_get32(soa + soa_bytes - 20)) >= 0;
	if (!current) {
		emit_zone(s);
		if (!s->broken)
			emit_soa(s, fixed, soa, soa_bytes);
	}
	message_end(s);
	bool whole = !s->broken;
	free(s->scratch);
	free(s);
	return whole;
}
