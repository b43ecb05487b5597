/*
 * What a cluster would allocate for one Service: ClusterIPs, node ports, a health check node port, load balancer
 * addresses. Rules as in Kubernetes' pkg/registry/core/service; the place in a range is derived from the Service's
 * name, so that it is the same after a restart. What is written in a manifest is never changed. Main thread.
 */
#ifndef WATCH_LAB_ALLOCATE_H
#define WATCH_LAB_ALLOCATE_H

#include "base/addr_port.h"
#include "watch/lab/families.h"
#include "watch/lab/uses.h"

struct lab_pool {
	struct range range;
	struct cidr cidr; /* as given; not of node ports */
	bool full;	  /* since nothing was released */
};

struct lab_pools {
	size_t count;
	struct lab_pool *items;
};

struct allocator {
	struct uses uses;
	struct lab_pools services, balancers;
	struct lab_pool node_ports;
	struct families families; /* of the service ranges, that of the first one first */
	bool released;		  /* something was, since the caller cleared this */
};

/* Replaces pools by those of the ranges; what is allocated stays in use. */
void lab_pools_set(struct lab_pools *p, const struct cidr_list *ranges, struct range (*range_of)(const struct cidr *c));
void allocator_families(struct allocator *a);
void allocator_fini(struct allocator *a);

struct allocated_port {
	char *name; /* of the Service's port */
	uint16_t node_port;
};

/* What one Service has that its manifest does not say; family 0 and 0 are none. Ports end with port_count. */
struct allocated {
	struct addr cluster_ips[2], balancer_ips[2]; /* by family_index */
	uint16_t health_port, port_count;	     /* at most ALLOCATED_PORTS_MAX */
	struct allocated_port *ports;
};

void allocated_fini(struct allocated *had);
bool allocated_any(const struct allocated *had);
void allocated_port_set(struct allocated *had, const char *name, uint16_t node_port); /* 0: forgets it */
uint16_t allocated_port(const struct allocated *had, const char *name);		      /* 0: none */
uint64_t allocated_hash(const struct allocated *had, uint64_t seed);

/* A Service, what it has, and who is told of what is wrong with it. */
struct allocation {
	struct allocator *a;
	const struct service_object *s;
	struct allocated *had;
	void *owner; /* in uses */
	struct families families;
	void (*say)(void *ctx, const char *field, const char *reason);
	void *ctx;
};

#define ALLOCATED_PORTS_MAX 512u /* node ports that one Service is given */

/* Sets families. False, and said why: the API server would refuse the Service, or it asks for too many node ports. */
bool allocate_begin(struct allocation *x);
/* Gives back what is not needed any more or out of range, and takes what it had before, where that is free. */
void allocate_keep(struct allocation *x);
/* Takes what is missing. False, and said what: something could not be had. */
bool allocate_rest(struct allocation *x);
/* Gives all back; had stays as it is. */
void allocate_release(struct allocator *a, const struct allocated *had, const void *owner);
/* The Service with all of it, without wishes: a new object over x->s, without its digest. */
struct object *allocate_fill(const struct allocation *x);

/*
 * What the manifest itself says is in use, or is so no more. evict: it is allocated to that owner, who must give it
 * back.
 */
void allocate_written(struct allocator *a, const struct service_object *s, bool written,
		      void (*evict)(void *ctx, void *owner, const struct used *what), void *ctx);
/* Forgets what was taken away. False: it did not have that. */
bool allocated_forget(struct allocated *had, const struct used *what);

#endif
