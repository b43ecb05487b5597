/* Answers names with fixed addresses. */
#include "dns/answer/answer_static.h"

static void put_addresses(const struct zone *z, const struct static_found *found, unsigned at, unsigned family,
			  struct reply *r)
{
	size_t start = found->count == 0 ? 0 : r->rotation % found->count;

	for (size_t i = 0; i < found->count && !r->truncated; i++) {
		const struct static_address *e = &found->items[(start + i) % found->count];
		if (e->addr.family == family)
			record_addr(r, &r->answers, at, &e->addr, z->ttl_s);
	}
}

/* The name itself is the apex: what is above it belongs to another server (RFC 2308 wants a SOA at or above it). */
static void put_nodata(const struct zone *z, unsigned at, struct reply *r)
{
	record_soa(r, &r->authorities, at, z->negative_ttl_s, z);
}

static bool find(const struct zone *z, const struct name *name, struct static_found *found)
{
	const struct static_names *hosts = table_hosts(z);

	return hosts != NULL && static_names_find(hosts, name, found) && found->count > 0;
}

bool answer_static_has(const struct zone *z, const struct name *name)
{
	struct static_found found;

	return find(z, name, &found);
}

bool answer_static(const struct zone *z, const struct name *name, unsigned at, unsigned type, struct reply *r)
{
	const uint32_t before = r->answers;
	struct static_found found;

	if (!find(z, name, &found))
		return false;
	r->aa = true;
	if (type == TYPE_A || type == TYPE_AAAA)
		put_addresses(z, &found, at, type == TYPE_A ? AF_INET : AF_INET6, r);
	else if (type == TYPE_ANY)
		record_hinfo(r, z->ttl_s);
	if (r->answers == before && !r->truncated)
		put_nodata(z, at, r);
	return true;
}

void answer_static_alias(const struct zone *z, unsigned type, struct reply *r)
{
	size_t at = r->outside_at;
	struct name name;

	if (at != 0 && name_read(&name, r->w.bytes, r->w.at, &at) &&
	    answer_static(z, &name, (unsigned)r->outside_at, type, r))
		r->outside_at = 0;
}

static void put_ptr(const struct name *name, uint32_t ttl_s, struct reply *r)
{
	uint8_t *p = record_open(r, WIRE_HEADER_BYTES, TYPE_PTR, ttl_s);

	if (p == NULL)
		return;
	writer_bytes(&r->w, name->wire, name->length);
	record_close(r, p, &r->answers);
}

bool answer_static_reverse(const struct zone *z, const struct addr *a, unsigned type, struct reply *r)
{
	const struct static_names *hosts = table_hosts(z);
	struct name name;

	if (hosts == NULL || !static_names_of(hosts, a, &name))
		return false;
	r->aa = true;
	if (type == TYPE_PTR)
		put_ptr(&name, z->ttl_s, r);
	else if (type == TYPE_ANY)
		record_hinfo(r, z->ttl_s);
	if (r->answers == 0 && !r->truncated)
		put_nodata(z, WIRE_HEADER_BYTES, r);
	return true;
}
