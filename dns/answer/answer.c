/* Answers names of the cluster domain that are no services: the apex, pods, branches. */
#include "dns/answer/answer.h"

#include <arpa/inet.h>
#include <string.h>

#include "dns/answer/debug_names.h"

#define VERSION_TEXT "1.1.0" /* of the DNS-based service discovery schema */
#define VERSION_TTL_S 28800  /* as the schema's example; it never changes while we run */

void answer_nodata(const struct zone *z, const struct owner_ref *s, struct reply *r)
{
	record_soa(r, &r->authorities, s->zone_at, z->negative_ttl_s, z);
}

void answer_nxdomain(const struct zone *z, const struct owner_ref *s, struct reply *r)
{
	r->rcode = RCODE_NXDOMAIN;
	answer_nodata(z, s, r);
}

/* ns.dns: the addresses of this server. */
static void answer_server(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r)
{
	const struct server_addrs *servers = table_servers(z);
	int family = type == TYPE_A ? AF_INET : type == TYPE_AAAA ? AF_INET6 : AF_UNSPEC;
	const uint32_t aliases = r->answers;

	if (type == TYPE_ANY && servers->count > 0) {
		record_hinfo(r, z->ttl_s);
		return;
	}
	for (size_t i = 0; i < servers->count; i++) {
		if (servers->addrs[i].family == family)
			record_addr(r, &r->answers, owner_ref_at(s, 0), &servers->addrs[i], z->ttl_s);
	}
	if (r->answers == aliases && !r->truncated)
		answer_nodata(z, s, r);
}

static void answer_whoami(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r)
{
	if (type == TYPE_TXT)
		r->whoami = true;
	else if (type == TYPE_ANY)
		record_hinfo(r, 0);
	else
		answer_nodata(z, s, r);
}

/* A name server that cannot be reached is not named: without addresses there is no NS. */
static void answer_ns(const struct zone *z, const struct owner_ref *s, struct reply *r)
{
	const struct server_addrs *servers = table_servers(z);
	size_t target = r->w.at + RECORD_FIXED_BYTES;

	if (servers->count == 0)
		answer_nodata(z, s, r);
	if (servers->count == 0 || !record_ns(r, s->zone_at, z->ttl_s))
		return;
	for (size_t i = 0; i < servers->count; i++)
		record_addr(r, &r->additionals, (unsigned)target, &servers->addrs[i], z->ttl_s);
}

bool answer_apex(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r)
{
	if (s->above == 0) {
		if (type == TYPE_SOA)
			record_soa(r, &r->answers, s->zone_at, z->ttl_s, z);
		else if (type == TYPE_NS)
			answer_ns(z, s, r);
		else if (type == TYPE_ANY)
			record_hinfo(r, z->ttl_s);
		else
			answer_nodata(z, s, r);
		return true;
	}
	if (!name_label_is(s->name, s->above - 1, "dns"))
		return false;
	if (s->above == 1)
		answer_nodata(z, s, r);
	else if (s->above == 2 && name_label_is(s->name, 0, "ns"))
		answer_server(z, s, type, r);
	else if (s->above == 2 && name_label_is(s->name, 0, "whoami") && r->debug_names)
		answer_whoami(z, s, type, r);
	else if (!r->debug_names || !debug_answer(z, s, type, r))
		answer_nxdomain(z, s, r);
	return true;
}

static void answer_version(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r)
{
	if (s->above > 1) {
		answer_nxdomain(z, s, r);
		return;
	}
	uint8_t *p = type == TYPE_TXT ? record_open(r, owner_ref_at(s, 0), TYPE_TXT, VERSION_TTL_S) : NULL;
	if (p != NULL) {
		writer_u8(&r->w, sizeof VERSION_TEXT - 1);
		writer_bytes(&r->w, VERSION_TEXT, sizeof VERSION_TEXT - 1);
		record_close(r, p, &r->answers);
	} else if (type == TYPE_ANY) {
		record_hinfo(r, z->ttl_s);
	} else {
		answer_nodata(z, s, r);
	}
}

/*
 * "10-1-2-3", "2001-db8--1": three dashes, none doubled, are IPv4 (B.3). Labels are counted, so nothing but hex digits
 * and dashes may reach inet_pton, which is as strict as wanted: no
 * leading zeros, no octet above 255.
 */
static bool dashed_parse(const uint8_t *label, unsigned length, struct addr *a)
{
	char text[ADDR_TEXT_BYTES];
	unsigned dashes = 0;
	bool doubled = false;

	if (length >= sizeof text)
		return false;
	for (unsigned i = 0; i < length; i++) {
		bool dash = label[i] == '-';
		if (!dash && !(label[i] >= '0' && label[i] <= '9') && !(label[i] >= 'a' && label[i] <= 'f'))
			return false;
		dashes += dash;
		doubled |= dash && i > 0 && label[i - 1] == '-';
		text[i] = (char)label[i];
	}
	text[length] = '\0';
	bool v4 = dashes == 3 && !doubled;
	for (unsigned i = 0; i < length; i++) {
		if (text[i] == '-')
			text[i] = v4 ? '.' : ':';
	}
	*a = (struct addr){.family = v4 ? AF_INET : AF_INET6};
	return inet_pton(a->family, text, a->bytes) == 1;
}

static bool pod_exists(const struct zone *z, const struct owner_ref *s, struct addr *a)
{
	unsigned length, ns_bytes;
	const uint8_t *label = name_label(s->name, 0, &length);
	const uint8_t *ns = name_label(s->name, 1, &ns_bytes);

	if (z->pods_mode == PODS_DISABLED || !dashed_parse(label, length, a))
		return false;
	if (z->pods_mode == PODS_INSECURE)
		return table_namespace(z, ns - 1, ns_bytes + 1);
	const struct pod *pod = table_pod(z, a);
	return pod != NULL && label_compare(ns, ns_bytes, pod->ns) == 0;
}

/* <dashed address>.<namespace>.pod */
static void answer_pod(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r)
{
	struct addr a;

	if (s->above > 3 || !pod_exists(z, s, &a))
		answer_nxdomain(z, s, r);
	else if (type == (a.family == AF_INET ? TYPE_A : TYPE_AAAA))
		record_addr(r, &r->answers, owner_ref_at(s, 0), &a, z->ttl_s);
	else if (type == TYPE_ANY)
		record_hinfo(r, z->ttl_s);
	else
		answer_nodata(z, s, r);
}

/* `svc`, `pod` and the namespaces below them exist without records of their own. */
static void answer_branch(const struct zone *z, const struct owner_ref *s, struct reply *r)
{
	const struct name *n = s->name;

	if (s->above == 1 || table_namespace(z, n->wire + n->label_at[0], n->label_at[1] - n->label_at[0]))
		answer_nodata(z, s, r);
	else
		answer_nxdomain(z, s, r);
}

void answer_forward(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r, unsigned depth)
{
	bool svc = s->above > 0 && name_label_is(s->name, s->above - 1, "svc");
	bool pod = s->above > 0 && name_label_is(s->name, s->above - 1, "pod");

	if (svc && s->above > 2)
		answer_service(z, s, type, r, depth);
	else if (pod && s->above > 2)
		answer_pod(z, s, type, r);
	else if (svc || pod)
		answer_branch(z, s, r);
	else if (s->above > 0 && name_label_is(s->name, s->above - 1, "dns-version"))
		answer_version(z, s, type, r);
	else if (!answer_apex(z, s, type, r))
		answer_nxdomain(z, s, r);
}
