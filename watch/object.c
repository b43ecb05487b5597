/* Compares, copies and frees objects. */
#include "watch/object.h"

#include <string.h>

const struct service_wishes *service_wishes(const struct service_object *s)
{
	static const struct service_wishes none;

	return s->wishes != NULL ? s->wishes : &none;
}

const struct endpoint_extra *endpoint_extra(const struct endpoint_object *e)
{
	static const struct endpoint_extra none;

	return e->extra != NULL ? e->extra : &none;
}

const struct endpoint_extra *endpoint_extra_keep(struct arena *a, const struct endpoint_extra *x)
{
	if (x->hostname == NULL && x->reason == NULL && x->zone_hint_count == 0 && x->node_hint_count == 0 &&
	    x->more_addr_count == 0)
		return NULL;
	return memcpy(arena_array(a, 1, sizeof *x), x, sizeof *x);
}

const struct object *object_hold(const struct object *o)
{
	((struct object *)(uintptr_t)o)->holds++;
	return o;
}

void object_free(struct object *o)
{
	if (o == NULL)
		return;
	if (o->holds != 0) {
		o->holds--;
		return;
	}
	struct object *base = (struct object *)(uintptr_t)o->base;
	arena_free(o->arena);
	object_free(base);
}

struct object *object_over(const struct object *base, size_t bytes, size_t room_bytes)
{
	struct arena *arena = arena_new(bytes + room_bytes);
	struct object *o = memcpy(arena_alloc(arena, bytes), base, bytes);

	o->arena = arena;
	o->holds = 0;
	o->base = object_hold(base);
	return o;
}

const char *object_kind_name(enum object_kind kind)
{
	static const char *const names[OBJECT_ALL_KINDS] = {
		[OBJECT_SERVICE] = "Service",
		[OBJECT_SLICE] = "EndpointSlice",
		[OBJECT_NAMESPACE] = "Namespace",
		[OBJECT_NODE] = "Node",
		[OBJECT_POD] = "Pod",
		[OBJECT_SERVICE_CIDR] = "ServiceCIDR",
		[OBJECT_DEPLOYMENT] = "Deployment",
		[OBJECT_STATEFUL_SET] = "StatefulSet",
		[OBJECT_DAEMON_SET] = "DaemonSet",
		[OBJECT_JOB] = "Job",
	};

	return (unsigned)kind < OBJECT_ALL_KINDS ? names[kind] : "?";
}
