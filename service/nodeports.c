/* Chooses the addresses that take node ports. */
#include "service/nodeports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add_item(struct nodeports *n, const char *item, char error[ERROR_BYTES])
{
	if (strcmp(item, "primary") == 0)
		return n->primary = true;
	if (strcmp(item, "all") == 0)
		return n->all = true;
	if (strcmp(item, "localhost") == 0)
		return n->localhost = true;
	if (n->cidr_count == NODEPORTS_CIDRS_MAX) {
		snprintf(error, ERROR_BYTES, "more than %d CIDRs", NODEPORTS_CIDRS_MAX);
		return false;
	}
	if (cidr_parse_or_host(&n->cidrs[n->cidr_count], item)) {
		n->cidr_count++;
		return true;
	}
	snprintf(error, ERROR_BYTES,
		 "\"%.64s\" is neither primary, all, localhost nor an address or CIDR such as 10.0.0.0/8", item);
	return false;
}

bool nodeports_parse(struct nodeports *n, const char *list, char error[ERROR_BYTES])
{
	struct nodeports out = {0};

	for (const char *p = list;; p++) {
		char item[128];
		p += strspn(p, " \t");
		size_t length = strcspn(p, ",");
		size_t kept = length;
		while (kept != 0 && strchr(" \t", p[kept - 1]) != NULL)
			kept--;
		if (kept >= sizeof item)
			kept = sizeof item - 1; /* no valid item is that long */
		memcpy(item, p, kept);
		item[kept] = '\0';
		if (!add_item(&out, item, error))
			return false;
		p += length;
		if (*p == '\0')
			break;
	}
	*n = out;
	return true;
}

static bool has_family(const struct nodeports *n, int family)
{
	for (size_t i = 0; i < n->cidr_count; i++)
		if (n->cidrs[i].addr.family == family)
			return true;
	return false;
}

bool nodeports_take_all(const struct nodeports *n, int family)
{
	return n->all || (!n->primary && !n->localhost && !has_family(n, family));
}

static bool in_cidrs(const struct nodeports *n, const struct addr *a)
{
	for (size_t i = 0; i < n->cidr_count; i++)
		if (cidr_contains(&n->cidrs[i], a))
			return true;
	return false;
}

static const struct addr *primary_of(const struct addr *node_ips, size_t count, int family)
{
	for (size_t i = 0; i < count; i++)
		if (node_ips[i].family == family && !addr_is_loopback(&node_ips[i]))
			return &node_ips[i];
	return NULL;
}

static int by_addr(const void *a, const void *b)
{
	return addr_compare(a, b);
}

static size_t sort_unique(struct addr *list, size_t count)
{
	size_t kept = 0;

	if (count != 0)
		qsort(list, count, sizeof *list, by_addr);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !addr_equal(&list[kept - 1], &list[i]))
			list[kept++] = list[i];
	return kept;
}

size_t nodeports_evaluate(const struct nodeports *n, const struct addr *host, size_t host_count,
			  const struct addr *node_ips, size_t node_ip_count, struct addr *out)
{
	size_t count = 0;

	for (size_t i = 0; i < host_count; i++) {
		const struct addr *a = &host[i];
		const struct addr *primary = primary_of(node_ips, node_ip_count, a->family);
		if (addr_is_loopback(a))
			continue; /* the relay's (relay.h): the kernel cannot forward from there */
		if ((n->primary && primary != NULL && addr_equal(a, primary)) ||
		    (!addr_is_link_local(a) && nodeports_take_all(n, a->family)) || in_cidrs(n, a))
			out[count++] = *a;
	}
	return sort_unique(out, count);
}

static bool has_addr_of(const struct addr *list, size_t count, int family)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].family == family)
			return true;
	return false;
}

size_t nodeports_inner(const struct addr *inner, size_t inner_count, struct addr *out, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!has_addr_of(inner, inner_count, out[i].family))
			out[kept++] = out[i];
	for (size_t i = 0; i < inner_count; i++)
		out[kept++] = inner[i];
	return sort_unique(out, kept);
}

bool nodeports_want_loopback(const struct nodeports *n)
{
	if (n->localhost)
		return true;
	for (size_t i = 0; i < n->cidr_count; i++)
		if (addr_is_loopback(&n->cidrs[i].addr))
			return true;
	return false;
}
