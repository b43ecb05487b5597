/*
 * What a cluster's controllers do for manifests: a sink between the source and the store that fills in what they would
 * allocate. Services go on with their addresses and node ports, as the API server would have them; other objects go
 * through as they are. What is wrong is told in a line, and an object that is refused keeps its last good version.
 * Main thread.
 *
 * The source lists every kind once, before `complete`; then it tells single changes (watch/manifest/).
 */
#ifndef WATCH_LAB_LAB_H
#define WATCH_LAB_LAB_H

#include "base/addr_port.h"
#include "base/buf.h"
#include "watch/decode/decode.h"
#include "watch/lab/given.h"
#include "watch/lab/probes.h"
#include "watch/source.h"

#define LAB_NODE_PORT_FIRST 30000
#define LAB_NODE_PORT_LAST 32767
#define LAB_GONE_MAX 1000 /* Services that are gone, whose allocations are remembered for their return */

struct lab;

struct lab_config {
	struct sink next;
	const struct cidr_list *service_cidrs; /* empty: of ServiceCIDR objects, and where there is none the defaults */
	const struct cidr_list *balancer_cidrs; /* empty: load balancers get no address here */
	uint16_t node_port_first, node_port_last;
	/* line is 0: the source knows where it is defined. */
	void (*problem)(void *ctx, enum object_kind kind, const struct decode_problem *p);
	/* The allocations have changed: text to be given to lab_new after a restart. NULL: they are not kept. */
	void (*keep)(void *ctx, const char *text, size_t length_bytes);
	/*
	 * Slices are still to be made: end another turn soon. NULL: all are made at once. Before `complete` they are
	 * in any case.
	 */
	void (*more)(void *ctx);
	void *ctx;
	const struct given_hosts *hosts; /* NULL: host names in fairlead/endpoints have no addresses here */
	bool exec_probes;		 /* commands of manifests may be run; else such probes count as not there */
	const struct probes *probes;	 /* NULL: nothing is probed, and what has probes is ready */
};

/* Borrows the ranges. kept: what `keep` had last, NULL: nothing; NULL in *wrong, or why it is not used, or not all. */
struct lab *lab_new(const struct lab_config *config, const char *kept, size_t kept_bytes, const char **wrong);
void lab_free(struct lab *l); /* NULL is fine */
const struct sink *lab_sink(const struct lab *l);
/* A host name has other addresses, or none: it counts with the sink's next turn_end. */
void lab_host_changed(struct lab *l, const char *host);
/* Results of probes have changed, or are no longer awaited: the same. */
void lab_probes_changed(struct lab *l);

#endif
