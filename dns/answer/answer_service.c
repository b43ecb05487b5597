/* Names of services: <service>.<ns>.svc and what stands in front of them. */
#include <netinet/in.h>
#include <string.h>

#include "dns/answer/answer.h"
#include "dns/answer/reasons.h"
#include "service/dns_index.h"

static void answer_addrs(const struct zone *z, const struct owner_ref *s, const struct view *v, unsigned type,
			 struct reply *r)
{
	if (type == TYPE_A && v->v4_count > 0)
		record_addrs(r, owner_ref_at(s, 0), view_v4(v), v->v4_count, 4, z->ttl_s);
	else if (type == TYPE_AAAA && v->v6_count > 0)
		record_addrs(r, owner_ref_at(s, 0), view_v6(v), v->v6_count, 16, z->ttl_s);
	else
		answer_nodata(z, s, r);
}

static void at_service(const struct zone *z, const struct owner_ref *s, const struct view *v, unsigned type,
		       struct reply *r)
{
	if (type == TYPE_SRV)
		srv_answer(z, s, v, &(struct srv_filter){0}, r);
	else if (type == TYPE_ANY)
		record_hinfo(r, z->ttl_s);
	else
		answer_addrs(z, s, v, type, r);
	if (v->idle && r->explain && r->answers > 0)
		reasons_idle(v, r);
}

/* ---- ExternalName ---- */

static bool put_cname(const struct zone *z, const struct owner_ref *s, const uint8_t *target, const struct name *name,
		      struct reply *r)
{
	bool inside = name_ends_with(name, &z->domain);
	size_t own = inside ? name->label_at[name->labels - z->domain.labels] : name->length;
	uint8_t *p = record_open(r, owner_ref_at(s, 0), TYPE_CNAME, z->ttl_s);

	if (p == NULL)
		return false;
	writer_bytes(&r->w, target, own);
	if (inside)
		writer_pointer(&r->w, s->zone_at);
	return record_close(r, p, &r->answers);
}

/* A chain that never ends is a name without data (B.4): no CNAME, so that clients do not walk it either. */
static void answer_endless(const struct zone *z, const struct owner_ref *s, struct reply *r)
{
	struct owner_ref question = {s->name, 0, WIRE_HEADER_BYTES, s->zone_at};

	r->answers = 0;
	writer_back(&r->w, r->records_at);
	answer_nodata(z, &question, r);
}

static void answer_external(const struct zone *z, const struct owner_ref *s, const struct view *v, unsigned type,
			    struct reply *r, unsigned depth)
{
	struct name target;
	size_t at = 0, data_at = r->w.at + RECORD_FIXED_BYTES;

	name_read(&target, v->data, v->external_bytes, &at);
	if (depth == ANSWER_CHASE_MAX && type != TYPE_CNAME && type != TYPE_ANY) {
		answer_endless(z, s, r);
		return;
	}
	if (!put_cname(z, s, v->data, &target, r)) {
		r->truncated = true;
		return;
	}
	if (type == TYPE_CNAME || type == TYPE_ANY)
		return;
	if (!name_ends_with(&target, &z->domain)) {
		r->outside_at = data_at;
		return;
	}
	struct owner_ref next = {&target, target.labels - z->domain.labels, (unsigned)data_at, s->zone_at};
	answer_forward(z, &next, type, r, depth + 1);
}

/* ---- <host>.<service> ---- */

/* The run of endpoints with this label; 0 = none. */
static size_t endpoints_find(const struct service *s, const uint8_t *label, unsigned length,
			     const struct dns_endpoint **first)
{
	size_t low = 0, high = s->dns_endpoint_count, end;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (label_compare(label, length, s->dns_endpoints[mid].label) > 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (end = low; end < s->dns_endpoint_count; end++) {
		if (label_compare(label, length, s->dns_endpoints[end].label) != 0)
			break;
	}
	*first = s->dns_endpoints + low;
	return end - low;
}

static void endpoint_addrs(const struct zone *z, const struct owner_ref *s, const struct dns_endpoint *run,
			   size_t count, int family, struct reply *r)
{
	const uint32_t aliases = r->answers;

	for (size_t i = 0; i < count; i++) {
		size_t at = (r->rotation + i) % count;
		if (run[at].addr.family != family || (at > 0 && addr_equal(&run[at].addr, &run[at - 1].addr)))
			continue;
		if (!record_addr(r, &r->answers, owner_ref_at(s, 0), &run[at].addr, z->ttl_s)) {
			r->truncated = true;
			return;
		}
	}
	if (r->answers == aliases && !r->truncated)
		answer_nodata(z, s, r);
}

static void answer_endpoint(const struct zone *z, const struct owner_ref *s, const struct view *v, unsigned type,
			    struct reply *r)
{
	unsigned length;
	const uint8_t *label = name_label(s->name, 0, &length);
	const struct dns_endpoint *run;
	size_t count = endpoints_find(v->service, label, length, &run);

	if (count == 0)
		answer_nxdomain(z, s, r);
	else if (type == TYPE_A || type == TYPE_AAAA)
		endpoint_addrs(z, s, run, count, type == TYPE_A ? AF_INET : AF_INET6, r);
	else if (type == TYPE_SRV)
		srv_endpoint(z, s, v, run, count, r);
	else if (type == TYPE_ANY)
		record_hinfo(r, z->ttl_s);
	else
		answer_nodata(z, s, r);
}

/* ---- _port._proto.<service> ---- */

static uint8_t proto_label(const struct name *n, unsigned i)
{
	return name_label_is(n, i, "_tcp")    ? IPPROTO_TCP
	       : name_label_is(n, i, "_udp")  ? IPPROTO_UDP
	       : name_label_is(n, i, "_sctp") ? IPPROTO_SCTP
					      : 0;
}

/* `_tcp.<service>` exists without records when a named port stands below it (RFC 8020). */
static void answer_proto(const struct zone *z, const struct owner_ref *s, const struct view *v, struct reply *r)
{
	uint8_t proto = proto_label(s->name, 0);

	if (proto != 0 && dns_index_has_proto(v->service, proto))
		answer_nodata(z, s, r);
	else
		answer_nxdomain(z, s, r);
}

static void answer_port(const struct zone *z, const struct owner_ref *s, const struct view *v, unsigned type,
			struct reply *r)
{
	unsigned length;
	const uint8_t *label = name_label(s->name, 0, &length);
	struct srv_filter f = {.port = label + 1, .port_bytes = length - 1, .proto = proto_label(s->name, 1)};

	if (label[0] != '_' || length < 2 || f.proto == 0 ||
	    dns_index_named(v->service, f.port, f.port_bytes, f.proto) == NULL)
		answer_nxdomain(z, s, r);
	else if (type == TYPE_SRV)
		srv_answer(z, s, v, &f, r);
	else if (type == TYPE_ANY)
		record_hinfo(r, z->ttl_s);
	else
		answer_nodata(z, s, r);
}

static void answer_below(const struct zone *z, const struct owner_ref *s, const struct view *v, unsigned type,
			 struct reply *r)
{
	unsigned length;

	if (s->above == 5)
		answer_port(z, s, v, type, r);
	else if (s->above == 4 && name_label(s->name, 0, &length)[0] == '_')
		answer_proto(z, s, v, r);
	else if (s->above == 4)
		answer_endpoint(z, s, v, type, r);
	else
		answer_nxdomain(z, s, r);
}

void answer_service(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r, unsigned depth)
{
	const struct name *n = s->name;
	unsigned first = n->label_at[s->above - 3];
	const struct view *v = table_service(z, n->wire + first, n->label_at[s->above - 1] - first);
	enum dns_kind kind = v == NULL ? DNS_NONE : v->kind;
	/* The specification wants NXDOMAIN for a headless service without a ready endpoint. */
	bool empty = kind == DNS_HEADLESS && v->v4_count + v->v6_count == 0;

	if (kind == DNS_NONE || empty || (kind == DNS_EXTERNAL_NAME && s->above > 3)) {
		answer_nxdomain(z, s, r);
	} else if (kind == DNS_EXTERNAL_NAME) {
		answer_external(z, s, v, type, r, depth);
	} else if (s->above == 3) {
		at_service(z, s, v, type, r);
	} else {
		answer_below(z, s, v, type, r);
	}
}
