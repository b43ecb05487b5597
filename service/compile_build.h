/*
 * Inside of the compiler: one service under construction. Everything lives in the scratch arena until service_pack.
 */
#ifndef SERVICE_COMPILE_BUILD_H
#define SERVICE_COMPILE_BUILD_H

#include "service/compile.h"
#include "service/compile_index.h"

struct compilation {
	const struct compile_input *in;
	struct arena *scratch;
	const struct slice_object **slices; /* by name: the deterministic order of everything that follows */
	struct service_port *ports;	    /* of out.ports */
	bool *port_any;			    /* by port: hasAnyEndpoints */
	struct frontend *frontends;	    /* of out.frontends */
	struct address_note *notes;	    /* of out.notes */
	size_t note_room;
	struct compile_index index;
	struct service out;
};

/* The slices in order, and what decides whether the service is proxied. Empties `scratch`. */
struct compilation build_start(const struct compile_input *in, struct arena *scratch);

/* externalTrafficPolicy Local, where E.3 lets it count. */
bool build_external_local(const struct compilation *b);
static inline bool build_internal_local(const struct compilation *b)
{
	return b->in->object->internal_policy == POLICY_LOCAL;
}
/* The service has a ClusterIP of this family, hence ports and frontends. */
bool build_has_family(const struct compilation *b, int family);

/* In this order. */
void compile_ports(struct compilation *b);	   /* service ports by family, no endpoints yet */
void compile_frontends(struct compilation *b);	   /* keys and kinds */
void compile_endpoints(struct compilation *b);	   /* targets and pools; asks the frontends for slot memory */
void compile_health(struct compilation *b);	   /* how many addresses the health check reports */
void compile_actions(struct compilation *b);	   /* what each frontend does with its pools */
void compile_source_ranges(struct compilation *b); /* loadBalancerSourceRanges */
void compile_dns(struct compilation *b);

#endif
