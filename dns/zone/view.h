/*
 * What one version of a service looks like in DNS: the compiled service with its addresses as record data, deduped
 * and ready to be copied into answers. Immutable and one heap block; owns its service. Made by the writer.
 */
#ifndef DNS_ZONE_VIEW_H
#define DNS_ZONE_VIEW_H

#include <stdint.h>

#include "dns/wire/name.h"
#include "service/service.h"

struct view {
	struct service *service;
	enum dns_kind kind;	     /* DNS_NONE also where a record cannot be formed */
	uint32_t v4_count, v6_count; /* addresses of the service's own name */
	uint8_t external_bytes;	     /* ExternalName: length of its wire form */
	bool idle;		     /* ClusterIP whose every connection is refused: no endpoint takes one */
	uint8_t data[];		     /* v4_count × 4, then v6_count × 16 bytes; or the external name, case kept */
};

/* Takes over the service. */
struct view *view_new(struct service *service);
void view_free(void *view);

static inline const uint8_t *view_v4(const struct view *v)
{
	return v->data;
}

static inline const uint8_t *view_v6(const struct view *v)
{
	return v->data + 4 * (size_t)v->v4_count;
}

/*
 * Every address that has a PTR record because of `service` (NULL: none): ClusterIPs and endpoints, sorted, each
 * once. Returns an array of *count that the caller frees.
 */
struct addr *view_reverse_addrs(const struct service *service, size_t *count);

#endif
