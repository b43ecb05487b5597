/* Makes the record data of one service. */
#include "dns/zone/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/log_about.h"
#include "base/mem.h"

static int compare(const void *a, const void *b)
{
	return addr_compare(a, b);
}

static size_t sort_unique(struct addr *addrs, size_t count)
{
	size_t kept = 0;

	qsort(addrs, count, sizeof *addrs, compare);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || !addr_equal(&addrs[i], &addrs[kept - 1]))
			addrs[kept++] = addrs[i];
	}
	return kept;
}

/* Addresses of the service's own name: the Service's, or those of all ready endpoints of a headless one. */
static struct addr *own_addrs(const struct service *s, size_t *count)
{
	size_t n = s->dns_kind == DNS_CLUSTER_IP ? s->cluster_ip_count
		   : s->dns_kind == DNS_HEADLESS ? s->dns_endpoint_count
						 : 0;
	struct addr *addrs = mem_array(n + 1, sizeof *addrs);

	for (size_t i = 0; i < n; i++)
		addrs[i] = s->dns_kind == DNS_CLUSTER_IP ? s->cluster_ips[i] : s->dns_endpoints[i].addr;
	*count = sort_unique(addrs, n);
	return addrs;
}

static struct view *with_addrs(const struct service *service)
{
	size_t count, v4 = 0;
	struct addr *addrs = own_addrs(service, &count);

	while (v4 < count && addrs[v4].family == AF_INET)
		v4++;
	struct view *v = mem_alloc(sizeof *v + 4 * v4 + 16 * (count - v4));
	v->v4_count = (uint32_t)v4;
	v->v6_count = (uint32_t)(count - v4);
	uint8_t *to = v->data;
	for (size_t i = 0; i < count; i++) {
		memcpy(to, addrs[i].bytes, addr_bytes(&addrs[i]));
		to += addr_bytes(&addrs[i]);
	}
	free(addrs);
	return v;
}

static struct view *with_external_name(const struct service *s)
{
	uint8_t wire[NAME_BYTES];
	size_t length = name_encode(wire, s->external_name);

	if (length <= 1) {
		if (log_about(LOG_WARN, s->ns))
			log_warn("service %s/%s: externalName \"%s\" is not a domain name: not in DNS", s->ns, s->name,
				 s->external_name);
		return NULL;
	}
	struct view *v = mem_alloc(sizeof *v + length);
	v->external_bytes = (uint8_t)length;
	memcpy(v->data, wire, length);
	return v;
}

static bool nothing_behind(const struct service *s)
{
	bool empty = s->proxied && s->dns_endpoint_count == 0;

	for (size_t i = 0; i < s->port_count && empty; i++)
		empty = s->ports[i].cluster.count == 0 && s->ports[i].local.count == 0;
	return empty;
}

struct view *view_new(struct service *service)
{
	enum dns_kind kind = service->dns_kind;
	struct view *v = kind == DNS_EXTERNAL_NAME ? with_external_name(service) : with_addrs(service);

	if (v == NULL) {
		v = mem_alloc(sizeof *v);
		kind = DNS_NONE;
	}
	if (kind == DNS_CLUSTER_IP && v->v4_count + v->v6_count == 0)
		kind = DNS_NONE; /* not allocated yet */
	v->kind = kind;
	v->idle = kind == DNS_CLUSTER_IP && nothing_behind(service);
	v->service = service;
	return v;
}

void view_free(void *view)
{
	struct view *v = view;

	if (v == NULL)
		return;
	service_free(v->service);
	free(v);
}

struct addr *view_reverse_addrs(const struct service *s, size_t *count)
{
	size_t n = 0;
	bool in_dns = s != NULL && (s->dns_kind == DNS_CLUSTER_IP || s->dns_kind == DNS_HEADLESS);
	struct addr *addrs = mem_array(in_dns ? s->cluster_ip_count + s->dns_endpoint_count + 1 : 1, sizeof *addrs);

	if (in_dns && s->dns_kind == DNS_CLUSTER_IP) {
		for (size_t i = 0; i < s->cluster_ip_count; i++)
			addrs[n++] = s->cluster_ips[i];
	}
	for (size_t i = 0; in_dns && i < s->dns_endpoint_count; i++)
		addrs[n++] = s->dns_endpoints[i].addr;
	*count = sort_unique(addrs, n);
	return addrs;
}
