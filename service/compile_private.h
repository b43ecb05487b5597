/*
 * Inside of the compiler: one service under construction. Everything lives in the scratch arena until service_pack.
 */
#ifndef SERVICE_COMPILE_PRIVATE_H
#define SERVICE_COMPILE_PRIVATE_H

#include "service/compile.h"

/*
 * ---- The index (compile_index.c) ----
 * What is looked up for each service port, sorted once, so that a Service of 20 000 ports takes n log n steps and not
 * n². All arrays live in the scratch arena.
 */

/* A port of a slice that has endpoints: where a service port of its name, protocol and family finds them. */
struct feed {
	const char *name;
	uint8_t proto;
	uint16_t port;
	uint32_t order; /* of the slices by name, then of the slice's ports */
	const struct slice_object *slice;
	uint64_t weight;			  /* of all its endpoints */
	uint64_t endpoints_before, weight_before; /* of all feeds in front of it, added up */
};

/* Neighbours in compile_index.feeds: those of one service port. */
struct feeds {
	const struct feed *items;
	size_t count;
};

struct compile_index {
	struct feed *feeds; /* by name, protocol, family, then order */
	size_t feed_count;
	/*
	 * Of Services with a health check: the feeds of each name, protocol and family, but only of the first of those
	 * names that lead to the same endpoints. Numbers may differ between names; which slices share one counts.
	 */
	struct feeds *groups;
	size_t group_count;
	const struct service_port **before; /* of the previous version, by family, protocol, number */
	size_t before_count;
	uint32_t *frontends; /* of out.frontends, by service port */
	uint32_t *first;     /* by service port: of its first in `frontends`; one more at the end */
};

/* ---- the service under construction ---- */

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

/* This is the Service of the cluster DNS, by struct steered_dns. */
bool build_cluster_dns(const struct compilation *b);
/* externalTrafficPolicy Local, where E.3 lets it count. */
bool build_external_local(const struct compilation *b);
static inline bool build_internal_local(const struct compilation *b)
{
	return b->in->object->internal_policy == POLICY_LOCAL;
}
static inline uint32_t build_maglev_fits(const struct compilation *b)
{
	return b->in->maglev_fits != 0 ? b->in->maglev_fits : MAGLEV_SIZE_MAX;
}

/* In this order. */
void compile_ports(struct compilation *b);	   /* service ports by family, no endpoints yet */
void compile_frontends(struct compilation *b);	   /* keys and kinds */
void compile_endpoints(struct compilation *b);	   /* targets and pools; asks the frontends for slot memory */
void compile_health(struct compilation *b);	   /* how many addresses the health check reports */
void compile_actions(struct compilation *b);	   /* what each frontend does with its pools */
void compile_source_ranges(struct compilation *b); /* loadBalancerSourceRanges */
void compile_dns(struct compilation *b);

/* The weights of a slice's endpoints, added up. */
uint64_t compile_index_weight(const struct slice_object *slice);
/* Of the slices that the proxy serves, and of the previous version. */
void compile_index_feeds(struct compilation *b);
/* Of out.frontends, once they are there. */
void compile_index_frontends(struct compilation *b);

struct feeds compile_index_find(const struct compilation *b, const struct service_port *port);
/* What they have, a repeated endpoint as often as it stands there. Constant time. */
uint64_t feeds_endpoints(struct feeds feeds);
uint64_t feeds_weight(struct feeds feeds);
/* The same port of the previous version, NULL: it had none. */
const struct service_port *compile_index_before(const struct compilation *b, const struct service_port *port);

#endif
