/* Which addresses a Service may have on this node. */
#include "service/addresses.h"

#include <stdio.h>
#include <string.h>

/* ---- --external-ips ---- */

static bool add_cidr(struct external_ips *e, const char *item, char error[ERROR_BYTES])
{
	if (e->cidr_count == EXTERNAL_IPS_CIDRS_MAX) {
		snprintf(error, ERROR_BYTES, "more than %d CIDRs", EXTERNAL_IPS_CIDRS_MAX);
		return false;
	}
	if (cidr_parse_or_host(&e->cidrs[e->cidr_count], item)) {
		e->cidr_count++;
		return true;
	}
	snprintf(error, ERROR_BYTES, "\"%.64s\" is neither all, none nor an address or CIDR such as 203.0.113.0/24",
		 item);
	return false;
}

bool external_ips_parse(struct external_ips *e, const char *list, char error[ERROR_BYTES])
{
	struct external_ips out = {0};
	const char *p = list;

	if (list[0] == '\0' || strcmp(list, "all") == 0 || strcmp(list, "none") == 0) {
		out.none = strcmp(list, "none") == 0;
		*e = out;
		return true;
	}
	do {
		char item[64];
		p += strspn(p, " ");
		size_t length = strcspn(p, ","), kept = length;
		while (kept != 0 && p[kept - 1] == ' ')
			kept--;
		if (kept >= sizeof item)
			kept = sizeof item - 1; /* no CIDR is that long */
		memcpy(item, p, kept);
		item[kept] = '\0';
		if (!add_cidr(&out, item, error))
			return false;
		p += length;
	} while (*p++ == ',');
	*e = out;
	return true;
}

/* ---- single facts ---- */

bool address_is_special(const struct addr *a)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	bool multicast = a->family == AF_INET ? (a->bytes[0] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;

	return addr_is_wildcard(a) || addr_is_loopback(a) || addr_is_link_local(a) || multicast ||
	       (a->family == AF_INET && memcmp(a->bytes, broadcast, sizeof broadcast) == 0);
}

static bool is_host(const struct address_rules *r, const struct addr *a)
{
	size_t low = 0, high = r->host_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = addr_compare(&r->host[middle], a);
		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static bool in_any(const struct cidr *cidrs, size_t count, const struct addr *a)
{
	for (size_t i = 0; i < count; i++)
		if (cidr_contains(&cidrs[i], a))
			return true;
	return false;
}

bool address_is_local(const struct address_rules *r, const struct addr *a)
{
	for (size_t i = 0; i < r->own_count; i++)
		if (addr_equal(&r->own[i].addr, a))
			return true;
	return is_host(r, a);
}

bool address_is_own(const struct address_rules *r, const struct frontend_key *key)
{
	for (size_t i = 0; i < r->own_count; i++) {
		const struct own_socket *s = &r->own[i];
		if (s->port != key->port || s->proto != key->proto)
			continue;
		if (addr_equal(&s->addr, &key->addr))
			return true;
		bool both = s->addr.family == AF_INET6;
		if (addr_is_wildcard(&s->addr) && (both || s->addr.family == key->addr.family) &&
		    is_host(r, &key->addr))
			return true;
	}
	return false;
}

/* ---- the decision ---- */

/* Of addresses that a controller or the operator does not answer for. */
static enum address_fault needed_by_node(const struct address_rules *r, const struct addr *a)
{
	if (is_host(r, a))
		return ADDRESS_NODE;
	for (size_t i = 0; i < r->needed_count; i++)
		if (addr_equal(&r->needed[i].addr, a))
			return (enum address_fault)r->needed[i].fault;
	return ADDRESS_FINE;
}

static enum address_fault check_external(const struct address_rules *r, const struct addr *a)
{
	const struct external_ips *e = r->external;

	if (e != NULL && e->none)
		return ADDRESS_NOT_ALLOWED;
	if (e == NULL || e->cidr_count == 0)
		return needed_by_node(r, a);
	return in_any(e->cidrs, e->cidr_count, a) ? ADDRESS_FINE : ADDRESS_NOT_ALLOWED;
}

enum address_fault address_check(const struct address_rules *r, enum frontend_kind kind, bool load_balancer,
				 const struct addr *a)
{
	if (kind == FRONTEND_NODE_PORT)
		return ADDRESS_FINE;
	if (address_is_special(a))
		return ADDRESS_SPECIAL;
	if (kind == FRONTEND_CLUSTER_IP)
		return address_is_local(r, a) ? ADDRESS_SHARED : ADDRESS_FINE;
	if (in_any(r->service_cidrs, r->service_cidr_count, a))
		return ADDRESS_SERVICE_RANGE;
	if (kind == FRONTEND_EXTERNAL_IP)
		return check_external(r, a);
	return load_balancer ? ADDRESS_FINE : needed_by_node(r, a);
}

const char *address_fault_text(enum address_fault fault)
{
	static const char *const texts[] = {
		[ADDRESS_FINE] = "",
		[ADDRESS_SHARED] = "an address of this node: only the Service's own ports are translated",
		[ADDRESS_SPECIAL] = "loopback, link-local, multicast or unspecified",
		[ADDRESS_SERVICE_RANGE] = "inside a service range",
		[ADDRESS_NODE] = "an address of this node (--external-ips may allow it)",
		[ADDRESS_API_SERVER] = "an address of the API server (--external-ips may allow it)",
		[ADDRESS_NAME_SERVER] = "an address of a name server of this node (--external-ips may allow it)",
		[ADDRESS_NOT_ALLOWED] = "not in --external-ips",
		[ADDRESS_OWN_SOCKET] = "fairlead itself listens there",
	};

	return texts[fault];
}
