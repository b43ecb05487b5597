/* Inside of watch/lab/: what is known of each Service. */
#ifndef WATCH_LAB_LAB_PRIVATE_H
#define WATCH_LAB_LAB_PRIVATE_H

#include "watch/decode/decode_pack.h"
#include "watch/lab/allocate.h"
#include "watch/lab/lab.h"

/* Probes that are wanted for a pod, or for a Service's given endpoints. */
struct lab_probes {
	size_t count, room;
	struct endpoint_probe **items;
	uint64_t told; /* hash of their results that were used last */
};

/*
 * What selectors make is the product of Services and Pods: endpoints x families x ports of all Services together. Of
 * what goes beyond it the last Pods by name are left out.
 */
#define LAB_PICKED_MAX 524288u

struct lab_service { /* one each: of ten thousand every word counts */
	struct lab *lab;
	const char *name;		  /* behind ns */
	const struct service_object *raw; /* as the manifest has it, held; NULL: gone, what it had is remembered */
	struct allocated had;
	struct families families;  /* when it was admitted last */
	uint64_t fingerprint;	   /* of raw without its name: a Service that is renamed is known by it */
	uint64_t gone_at;	   /* number of the turn */
	uint64_t kept_hash;	   /* of what `keep` was given */
	uint64_t told, pick_told;  /* hash of the problems that were told last, and of those of its pods; 0: none */
	uint32_t picked;	   /* see LAB_PICKED_MAX */
	size_t slice_count;	   /* that the next sink has */
	char **slices;		   /* their names */
	struct lab_probes *probes; /* NULL: none */
	char *evicted;		   /* what another Service writes that it had, as text; NULL: nothing */
	bool dirty;
	bool admitted;	   /* the newest raw is not refused */
	bool shown;	   /* the next sink has it */
	bool starved;	   /* lacks what was not free */
	bool pick_dirty;   /* its slices are to be made anew */
	bool pick_indexed; /* is in the index of labels */
	bool pick_short;   /* more is selected than there was room for */
	uint16_t key_bytes;
	char ns[]; /* namespace and name, each with its NUL: the key */
};

struct lab_pod {
	const struct pod_object *raw; /* held */
	struct lab_service *mark;     /* while the pods of a Service are collected */
	struct lab_probes *probes;    /* NULL: none */
	bool exec_told;		      /* that its exec probes are not run */
	char key[];		      /* "ns/name" */
};

struct lab_workload {
	const struct workload_object *raw; /* held */
	uint64_t told;			   /* hash of what was told last; 0: nothing */
	char key[];			   /* "Kind ns/name" */
};

/* Who has a label, and who selects by it (by the first of its selector). */
struct lab_label {
	size_t pod_count, pod_room, service_count, service_room;
	struct lab_pod **pods;
	struct lab_service **services;
	size_t key_bytes;
	char key[]; /* namespace, key and value, each with its NUL */
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
	struct map pods, nodes, workloads, labels;
	size_t pick_count, pick_room;
	struct lab_service **pick;  /* those with pick_dirty */
	size_t picked, short_count; /* of all Services; how many are short */
	size_t short_room;	    /* that there was when these were looked at last */
	bool selecting;		    /* a Pod or a workload was there: before, no index is made */
	bool workloads_left;	    /* are to be looked at, from that place in the map on */
	size_t workload_at;
	bool workloads_stale; /* what is told of them may change */
	bool kept_changed;
	bool told_complete;		      /* by the source */
	bool complete_waits;		      /* for first results of probes */
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

/* Problems of one Service, gathered and told: lab_problems.c. told: hash of those that were told last. */
void lab_problems_add(struct lab *l, const char *field, const char *reason);
void lab_problems_tell(struct lab *l, const struct lab_service *s, uint64_t *told, bool refused);

/* Slices of selected pods: lab_pick.c */
void lab_pick_mark(struct lab *l, struct lab_service *s);
/* Until that time, at least one; the rest is left in l->pick. */
void lab_pick_settle(struct lab *l, uint64_t until_ns);
void lab_pick_now(struct lab *l, struct lab_service *s); /* before it is freed */
void lab_pick_begin(struct lab *l);			 /* before the first object that labels matter to */
/* Its manifest goes, or comes. */
void lab_pick_leave(struct lab *l, struct lab_service *s);
void lab_pick_enter(struct lab *l, struct lab_service *s);

/* Pods, Nodes and who has which label: lab_pods.c */
void lab_pods_upsert(struct lab *l, struct object *o);
void lab_pods_remove(struct lab *l, const char *ns, const char *name);
void lab_nodes_upsert(struct lab *l, struct object *o);
void lab_nodes_remove(struct lab *l, const char *name);
void lab_pods_fini(struct lab *l);
/* The entry of one label; NULL: neither a pod nor a Service has it. */
struct lab_label *lab_label_find(const struct lab *l, const char *ns, const struct label_object *label);
struct lab_label *lab_label_make(struct lab *l, const char *ns, const struct label_object *label);
void lab_label_settle(struct lab *l, struct lab_label *label); /* drops it when it is empty */

void lab_pods_mark(struct lab *l, const struct lab_pod *pod); /* Services that select it make their slices anew */
/* Its addresses; of a pod in the host's network those of its Node, where it says none. */
const struct addr *lab_pod_addrs(const struct lab *l, const struct pod_object *pod, size_t *count);

/* Probes: lab_probes.c */
void lab_probes_drop(struct lab *l, struct lab_probes *list); /* NULL is fine */
/* given_slices, with the probes of fairlead/probe. */
struct slice_sink;
void lab_given_slices(struct lab *l, struct lab_service *s, const struct slice_sink *to);
void lab_probes_of_pod(struct lab *l, struct lab_pod *pod);
/* All of them are. *why: of the first that is not; NULL: it does not say. */
bool lab_probes_ready(const struct lab *l, const struct lab_probes *list, const char **why);

/* Exec probes: lab_exec.c */
/* Without those that are not allowed; false: none is left. */
bool lab_exec_limit(const struct lab *l, struct probe_set *set);
/* Tells, once for each Pod, that they are not run. */
void lab_exec_look_at_pod(const struct lab *l, struct lab_pod *pod);
/* Adds the same to the problems of a Service. */
void lab_exec_look_at_service(struct lab *l, const struct lab_service *s);

/* Deployments and the like: lab_workloads.c */
void lab_workloads_upsert(struct lab *l, struct object *o);
void lab_workloads_remove(struct lab *l, enum object_kind kind, const char *ns, const char *name);
void lab_workloads_settle(struct lab *l, uint64_t until_ns); /* until that time; the rest is left */
void lab_workloads_fini(struct lab *l);

/* Ranges: lab_ranges.c */
void lab_ranges_upsert(struct lab *l, struct object *o);
void lab_ranges_remove(struct lab *l, const char *name);
void lab_ranges_settle(struct lab *l);
/* After the Services are settled: the default ranges are shown as a ServiceCIDR while any address is from them. */
void lab_ranges_show(struct lab *l);
void lab_ranges_fini(struct lab *l);

#endif
