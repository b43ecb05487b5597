/*
 * Which pods a Service's selector chooses, and what EndpointSlices a cluster's controller would make of them
 * (k8s.io/endpointslice, utils.go and reconciler.go). Pure; main thread.
 */
#ifndef WATCH_LAB_SELECT_H
#define WATCH_LAB_SELECT_H

#include "watch/lab/families.h"
#include "watch/lab/slice_groups.h"

/* All of the selector's labels are among those; both are sorted by key. */
bool labels_match(const struct label_object *selector, size_t selector_count, const struct label_object *labels,
		  size_t label_count);

/* A pod that is selected, with what other objects say of it. */
struct selected {
	const struct pod_object *pod;
	const struct addr *addrs; /* the pod's; of a pod in the host's network those of its Node, where it says none */
	size_t addr_count;
	const char *zone; /* of its Node; NULL: not known */
	bool failing;	  /* a probe says it is not ready */
	const char *why;  /* NULL: nothing is known */
};

/* Annotation fairlead/when-all-fail: where only probes keep all of them from being ready, none counts. */
void select_all_when_all_fail(struct selected *pods, size_t count);

/* FindPort of Kubernetes: a number, or the name of a container's port of that protocol. 0: the pod has none. */
uint16_t select_port(const struct pod_object *pod, const struct port_object *port);

/*
 * Tells of one slice for each family of the Service and each set of port numbers (named ports may differ from pod to
 * pod), the endpoints in the order of `pods`.
 */
void select_slices(const struct service_object *s, const struct families *families, const struct selected *pods,
		   size_t pod_count, struct arena *arena, const struct slice_sink *to);

#endif
