/*
 * Inside of watch/lab/: which fields of a Service are to be filled in. Pure.
 */
#ifndef WATCH_LAB_ALLOCATE_PRIVATE_H
#define WATCH_LAB_ALLOCATE_PRIVATE_H

#include "watch/lab/allocate.h"

bool pools_hold(const struct lab_pools *p, const struct addr *a);
bool pools_have_family(const struct lab_pools *p, uint8_t family);

bool wants_cluster_ip(const struct allocation *x, uint8_t family);
/* An address of --lb-pool, of any family. */
bool wants_balancer(const struct allocation *x);
bool wants_balancer_ip(const struct allocation *x, uint8_t family);
/* spec.loadBalancerIP is there and can be had. */
bool wants_written_balancer(const struct allocator *a, const struct service_object *s);
bool wants_node_ports(const struct service_object *s);
bool wants_health_port(const struct service_object *s);
/*
 * Ports of one number share a node port, whatever their protocols (initNodePorts of Kubernetes): the one that is
 * written at a port of this one's number; 0: none is.
 */
uint16_t wants_shared_port(const struct service_object *s, const struct port_object *p);
/* No node port is written, nor one that it shares. */
bool wants_node_port(const struct service_object *s, const struct port_object *p);

#endif
