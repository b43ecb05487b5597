/*
 * EndpointSlices of one Service and family in the making: endpoints with the same port numbers go into one. Main
 * thread.
 */
#ifndef WATCH_LAB_SLICE_GROUPS_H
#define WATCH_LAB_SLICE_GROUPS_H

#include "base/map.h"
#include "base/mem.h"
#include "watch/object.h"

struct slice_groups { /* the first three are the caller's */
	const struct service_object *s;
	uint8_t family;
	struct arena *arena;
	size_t count, room;
	struct slice_group **items;
	struct map by_ports;
};

struct slice_sink {
	void (*made)(void *ctx, const struct slice_object *slice); /* lives, with all it points at, during the call */
	void *ctx;
};

/* ports: the number of each of the Service's ports, 0: not there. The endpoint is to be filled in before the next call.
 */
struct endpoint_object *slice_groups_add(struct slice_groups *g, const uint16_t *ports);
/* Tells of the slices "web:MARK-ipv4-0", … in the order in which they came, and empties g. */
void slice_groups_tell(struct slice_groups *g, const char *mark, const struct slice_sink *to);

#endif
