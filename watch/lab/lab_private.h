/* Inside of watch/lab/: what is known of each Service. */
#ifndef WATCH_LAB_LAB_PRIVATE_H
#define WATCH_LAB_LAB_PRIVATE_H

#include "watch/decode/decode_pack.h"
#include "watch/lab/allocate.h"
#include "watch/lab/lab.h"

struct lab_service {
	struct lab *lab;
	const char *ns, *name;
	const struct service_object *raw; /* as the manifest has it, held; NULL: gone, what it had is remembered */
	struct allocated had;
	uint64_t fingerprint;  /* of raw without its name: a Service that is renamed is known by it */
	uint64_t gone_at;      /* number of the turn */
	uint64_t told;	       /* hash of the problems that were told last; 0: none */
	struct allocation now; /* while it is settled */
	bool admitted;	       /* `now` counts: it is not refused */
	bool dirty;
	bool shown;	    /* the next sink has it */
	bool starved;	    /* lacks what was not free */
	char *evicted;	    /* what another Service writes that it had, as text; NULL: nothing */
	uint64_t kept_hash; /* of what `keep` was given */
	char key[];	    /* "ns/name" */
};

struct lab {
	struct lab_config config;
	struct sink sink;
	struct allocator allocator;
	struct map services; /* by key */
	size_t dirty_count, dirty_room;
	struct lab_service **dirty;
	size_t gone_count, starved_count;
	uint64_t turn;
	struct map cidrs; /* ServiceCIDR objects, by name */
	bool ranges_changed, default_shown;
	bool kept_changed;
	const struct service_object *writing; /* whose manifest claims something at present */
	struct buf problems;		      /* of the Service at hand */
	struct pack pack;
	struct arena *scratch;
};

/* Services: lab_services.c */
void lab_services_upsert(struct lab *l, struct object *o);
void lab_services_remove(struct lab *l, const char *ns, const char *name);
void lab_services_settle(struct lab *l);
struct kept_service;
void lab_services_remember(struct lab *l, const struct kept_service *kept);
void lab_services_fini(struct lab *l);
void lab_services_mark_all(struct lab *l);
void lab_services_keep(struct lab *l);
void lab_services_drop(struct lab *l, struct lab_service *s); /* frees it */

/* Those that are gone: lab_gone.c */
void lab_gone_take_over(struct lab *l); /* of the dirty, the renamed */
void lab_gone_forget(struct lab *l);	/* more than LAB_GONE_MAX, the oldest first */

/* Ranges: lab_ranges.c */
void lab_ranges_upsert(struct lab *l, struct object *o);
void lab_ranges_remove(struct lab *l, const char *name);
void lab_ranges_settle(struct lab *l);
/* After the Services are settled: the default ranges are shown as a ServiceCIDR while any address is from them. */
void lab_ranges_show(struct lab *l);
void lab_ranges_fini(struct lab *l);

#endif
