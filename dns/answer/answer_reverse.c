/*
 * PTR: names under in-addr.arpa and ip6.arpa. Ours are the names that exist because of a record, what is below or
 * above those, and everything inside the configured ranges (zone_reverse_set).
 */
#include <string.h>

#include "dns/answer/answer.h"
#include "dns/answer/answer_static.h"
#include "service/dns_index.h"

/* A reverse name, read from its apex on. */
struct reverse_name {
	struct addr addr;   /* the bits that its labels give, others zero */
	unsigned parts;	    /* good labels: octets or nibbles */
	unsigned part_bits; /* 8 or 4 */
	unsigned more;	    /* labels in front of these that are no part of an address */
};

static bool octet_parse(const uint8_t *label, unsigned length, uint8_t *value)
{
	unsigned n = 0;

	if (length == 0 || length > 3 || (length > 1 && label[0] == '0'))
		return false;
	for (unsigned i = 0; i < length; i++) {
		if (label[i] < '0' || label[i] > '9')
			return false;
		n = n * 10 + (unsigned)(label[i] - '0');
	}
	*value = (uint8_t)n;
	return n <= 255;
}

static bool nibble_parse(const uint8_t *label, unsigned length, uint8_t *value)
{
	if (length != 1)
		return false;
	if (label[0] >= '0' && label[0] <= '9')
		*value = (uint8_t)(label[0] - '0');
	else if (label[0] >= 'a' && label[0] <= 'f')
		*value = (uint8_t)(label[0] - 'a' + 10);
	else
		return false;
	return true;
}

/* Part i of the address; false: the label is none. */
static bool part_put(struct reverse_name *b, unsigned i, const uint8_t *label, unsigned length)
{
	uint8_t value;

	if (b->part_bits == 8)
		return i < 4 && octet_parse(label, length, &b->addr.bytes[i]);
	if (i >= 32 || !nibble_parse(label, length, &value))
		return false;
	b->addr.bytes[i / 2] |= (uint8_t)(i % 2 == 0 ? value << 4 : value);
	return true;
}

static bool reverse_name_parse(struct reverse_name *b, const struct name *n)
{
	if (n->labels < 2 || !name_label_is(n, n->labels - 1U, "arpa"))
		return false;
	*b = (struct reverse_name){0};
	if (name_label_is(n, n->labels - 2U, "in-addr"))
		*b = (struct reverse_name){.addr.family = AF_INET, .part_bits = 8};
	else if (name_label_is(n, n->labels - 2U, "ip6"))
		*b = (struct reverse_name){.addr.family = AF_INET6, .part_bits = 4};
	else
		return false;
	unsigned above = n->labels - 2U;
	while (b->parts < above) {
		unsigned length;
		const uint8_t *label = name_label(n, above - b->parts - 1, &length);
		if (!part_put(b, b->parts, label, length))
			break;
		b->parts++;
	}
	b->more = above - b->parts;
	if (b->part_bits == 8 && b->parts < 4)
		b->addr.bytes[b->parts] = 0; /* a bad octet may have left its value */
	return true;
}

/* Labels of the apex of the configured range that covers the name, counted from in-addr.arpa; 0 = none. */
static unsigned range_parts(const struct zone *z, const struct reverse_name *b)
{
	const struct reverse_ranges *ranges = table_reverse_ranges(z);

	for (size_t i = 0; i < ranges->count; i++) {
		unsigned parts = (ranges->cidrs[i].prefix + b->part_bits - 1) / b->part_bits;
		if (parts == 0)
			parts = 1;
		if (b->parts >= parts && cidr_contains(&ranges->cidrs[i], &b->addr))
			return parts;
	}
	return 0;
}

/* ---- records ---- */

struct ptr {
	const struct zone *zone;
	const struct owner_ref *owner;
	struct reply *reply;
	unsigned suffix_at; /* svc.<domain> in the message, 0 = not written yet */
};

static void put_label(struct writer *w, const char *text)
{
	size_t length = strlen(text);

	writer_u8(w, (unsigned)length);
	writer_bytes(w, text, length);
}

/* [label.]service.namespace.svc.<domain> */
static void put_ptr(struct ptr *c, const char *label, const struct service *s)
{
	struct writer *w = &c->reply->w;
	const struct name *domain = &c->zone->domain;

	if (strlen(label) + strlen(s->name) + strlen(s->ns) + 7 + domain->length > NAME_BYTES)
		return;
	uint8_t *p = record_open(c->reply, owner_ref_at(c->owner, 0), TYPE_PTR, c->zone->ttl_s);
	if (p == NULL) {
		c->reply->truncated = true;
		return;
	}
	if (label[0] != '\0')
		put_label(w, label);
	put_label(w, s->name);
	put_label(w, s->ns);
	size_t suffix_at = w->at;
	if (c->suffix_at != 0) {
		writer_pointer(w, c->suffix_at);
	} else {
		put_label(w, "svc");
		writer_bytes(w, domain->wire, domain->length);
	}
	if (!record_close(c->reply, p, &c->reply->answers))
		c->reply->truncated = true;
	else if (c->suffix_at == 0)
		c->suffix_at = (unsigned)suffix_at;
}

static bool has_cluster_ip(const struct service *s, const struct addr *a)
{
	for (size_t i = 0; s->dns_kind == DNS_CLUSTER_IP && i < s->cluster_ip_count; i++) {
		if (addr_equal(&s->cluster_ips[i], a))
			return true;
	}
	return false;
}

struct found { /* an address, and whose it is */
	const struct addr *addr;
	const struct reverse_leaf *leaf; /* NULL: no owner */
};

/* The service whose ClusterIP this is: exactly one, the one that has it in the kernel, too. */
static const struct service *cluster_ip_owner(const struct found *f)
{
	const struct service *first = NULL;

	for (uint32_t i = 0; f->leaf != NULL && i < f->leaf->count; i++) {
		const struct service *s = service_entry_view(f->leaf->owners[i])->service;
		if (has_cluster_ip(s, f->addr) && (first == NULL || service_precedence(s, first) < 0))
			first = s;
	}
	return first;
}

static void put_endpoints(struct ptr *c, const struct service *s, const struct addr *a)
{
	const char *last = "";

	if (s->dns_kind != DNS_CLUSTER_IP && s->dns_kind != DNS_HEADLESS)
		return;
	for (size_t i = dns_index_addr(s, a); i < s->dns_endpoint_count && !c->reply->truncated; i++) {
		const struct dns_endpoint *e = &s->dns_endpoints[s->dns_by_addr[i]];
		if (!addr_equal(&e->addr, a))
			return;
		if (strcmp(e->label, last) != 0)
			put_ptr(c, e->label, s);
		last = e->label;
	}
}

static void answer_ptr(struct ptr *c, const struct found *f)
{
	const struct service *owner = cluster_ip_owner(f);

	if (owner != NULL) {
		put_ptr(c, "", owner);
		return;
	}
	for (uint32_t i = 0; i < f->leaf->count && !c->reply->truncated; i++)
		put_endpoints(c, service_entry_view(f->leaf->owners[i])->service, f->addr);
}

static void answer_address(const struct zone *z, const struct owner_ref *s, unsigned type, const struct found *f,
			   struct reply *r)
{
	struct ptr c = {z, s, r, 0};

	if (type == TYPE_PTR)
		answer_ptr(&c, f);
	else if (type == TYPE_ANY)
		record_hinfo(r, z->ttl_s);
	if (r->answers == 0 && !r->truncated)
		answer_nodata(z, s, r);
}

bool answer_reverse(const struct zone *z, const struct name *name, unsigned type, struct reply *r)
{
	struct reverse_name b;

	if (!reverse_name_parse(&b, name) || b.parts == 0)
		return false;
	const unsigned bits = b.parts * b.part_bits;
	const bool whole = bits == addr_bytes(&b.addr) * 8;
	if (whole && b.more == 0 && answer_static_reverse(z, &b.addr, type, r))
		return true;
	if (!atomic_load_explicit(&((struct zone *)z)->complete, memory_order_acquire)) {
		r->rcode = RCODE_SERVFAIL;
		r->ede = EDE_NOT_READY;
		return true;
	}
	unsigned range = range_parts(z, &b);
	unsigned above = name->labels - 2U - range; /* labels in front of the apex */
	struct owner_ref s = {name, above, WIRE_HEADER_BYTES, WIRE_HEADER_BYTES + name->label_at[above]};
	const struct found f = {&b.addr, whole ? reverse_find(&z->reverse, &b.addr) : NULL};
	if (z->lan.labels > 0 && range == 0 && cluster_ip_owner(&f) == NULL)
		return false; /* endpoints are hosts of the local network, whose own server names them */
	bool exists = b.more == 0 && (whole ? f.leaf != NULL : reverse_any(&z->reverse, &b.addr, bits));

	if (range == 0 && !exists && f.leaf == NULL)
		return false;
	r->aa = true;
	if (f.leaf != NULL && b.more == 0)
		answer_address(z, &s, type, &f, r);
	else if (range > 0 && b.parts == range && answer_apex(z, &s, type, r))
		return true;
	else if (exists)
		answer_nodata(z, &s, r);
	else
		answer_nxdomain(z, &s, r);
	return true;
}
