/*
 * The IP families of a Service, as the API server decides them from ipFamilyPolicy, ipFamilies and clusterIPs
 * (pkg/registry/core/service/storage/alloc.go, initIPFamilyFields; KEP-563). Pure; any thread.
 */
#ifndef WATCH_LAB_FAMILIES_H
#define WATCH_LAB_FAMILIES_H

#include "watch/object.h"

struct families {
	uint8_t count;
	uint8_t items[2]; /* AF_INET, AF_INET6; the primary family first */
};

static inline unsigned family_index(uint8_t family)
{
	return family == AF_INET6;
}
const char *family_name(uint8_t family); /* "IPv4", "IPv6" */
bool families_have(const struct families *f, uint8_t family);

/*
 * cluster: those of the service ranges. NULL and the families, primary first, or why the API server would refuse the
 * Service: a static text, about *field.
 */
const char *families_decide(struct families *out, const struct service_object *s, const struct families *cluster,
			    const char **field);

#endif
