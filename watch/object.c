/* Compares, copies and frees objects. */
#include "watch/object.h"

const struct object *object_hold(const struct object *o)
{
	((struct object *)(uintptr_t)o)->holds++;
	return o;
}

void object_free(struct object *o)
{
	if (o == NULL)
		return;
	if (o->holds == 0)
		arena_free(o->arena);
	else
		o->holds--;
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
