/* Answers names with fixed addresses. */
#include "dns/answer/answer_static.h"

#include "dns/answer/answer.h"

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

static bool in_lan(const struct zone *z, const struct name *name)
{
	return z->lan.labels > 0 && name_ends_with(name, &z->lan);
}

/* Where the apex stands: of --dns-zone, else the name itself, for what is above it belongs to another server. */
static unsigned apex_at(const struct zone *z, const struct name *name, unsigned at)
{
	return in_lan(z, name) ? at + name->label_at[name->labels - z->lan.labels] : at;
}

static bool find(const struct static_names *names, const struct name *name, struct static_found *found)
{
	return names != NULL && static_names_find(names, name, found);
}

bool answer_static_has(const struct zone *z, const struct name *name)
{
	struct static_found found;

	return in_lan(z, name) || (find(table_hosts(z), name, &found) && found.count > 0);
}

static void answer_found(const struct zone *z, const struct name *name, const struct static_found *found, unsigned at,
			 unsigned type, struct reply *r)
{
	const uint32_t before = r->answers;

	r->aa = true;
	if (type == TYPE_A || type == TYPE_AAAA)
		put_addresses(z, found, at, type == TYPE_A ? AF_INET : AF_INET6, r);
	else if (type == TYPE_ANY && found->count > 0)
		record_hinfo(r, z->ttl_s);
	if (r->answers == before && !r->truncated)
		record_soa(r, &r->authorities, apex_at(z, name, at), z->negative_ttl_s, z);
}

/* A name at or below --dns-zone that the hosts file does not have. */
static void answer_lan(const struct zone *z, const struct name *name, unsigned at, unsigned type, bool above,
		       struct reply *r)
{
	const struct static_names *names = table_lan(z);
	const struct owner_ref s = {name, (unsigned)(name->labels - z->lan.labels), at, apex_at(z, name, at)};
	struct static_found found = {0};

	if (names == NULL) { /* never NXDOMAIN, which clients cache */
		r->rcode = RCODE_SERVFAIL;
		r->ede = EDE_NOT_READY;
		return;
	}
	bool exists = static_names_find(names, name, &found);
	r->aa = true;
	if ((found.count == 0 || s.above == 0) && at == WIRE_HEADER_BYTES && answer_apex(z, &s, type, r))
		return;
	if (!exists && !above && s.above > 0)
		r->rcode = RCODE_NXDOMAIN;
	answer_found(z, name, &found, at, type, r);
}

bool answer_static(const struct zone *z, const struct name *name, unsigned at, unsigned type, struct reply *r)
{
	struct static_found found = {0};
	bool exists = find(table_hosts(z), name, &found);

	if (found.count > 0)
		answer_found(z, name, &found, at, type, r);
	else if (in_lan(z, name))
		answer_lan(z, name, at, type, exists, r);
	return found.count > 0 || in_lan(z, name);
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

static bool name_of(const struct static_names *names, const struct addr *a, struct name *name)
{
	return names != NULL && static_names_of(names, a, name);
}

bool answer_static_reverse(const struct zone *z, const struct addr *a, unsigned type, struct reply *r)
{
	struct name name;

	if (!name_of(table_hosts(z), a, &name) && !name_of(table_lan(z), a, &name))
		return false;
	r->aa = true;
	if (type == TYPE_PTR)
		put_ptr(&name, z->ttl_s, r);
	else if (type == TYPE_ANY)
		record_hinfo(r, z->ttl_s);
	if (r->answers == 0 && !r->truncated)
		record_soa(r, &r->authorities, WIRE_HEADER_BYTES, z->negative_ttl_s, z);
	return true;
}
