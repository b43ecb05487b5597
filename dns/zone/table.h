/*
 * The reader's side of a zone: what answers are looked up in. Every function may be called by any RCU-registered
 * online thread; what it returns stays valid until that thread's next quiescent state. Private to dns/.
 */
#ifndef DNS_ZONE_TABLE_H
#define DNS_ZONE_TABLE_H

#include <stdatomic.h>
#include <urcu/list.h>

#include "dns/wire/name.h"
#include "dns/zone/note.h"
#include "dns/zone/pods_mode.h"
#include "dns/zone/rcu.h"
#include "dns/zone/reverse.h"
#include "dns/zone/view.h"
#include "dns/zone/serial.h"
#include "dns/zone/static_names.h"

/* One service name. Lives as long as the name does; its view is replaced. */
struct service_entry {
	struct cds_lfht_node node;
	struct cds_list_head in_namespace; /* of namespace_entry.entries */
	_Atomic(struct view *) view;
	uint8_t key_bytes;
	uint8_t key[]; /* wire labels of name and namespace, lower case */
};

/* A namespace exists by its object or by a service in it. `declared` and `services` are the writer's. */
struct namespace_entry {
	struct cds_lfht_node node;
	struct cds_list_head among_all; /* of zone.namespace_list */
	struct cds_list_head entries;	/* its services */
	bool declared;
	uint32_t services;
	uint8_t key_bytes;
	uint8_t key[]; /* wire label */
};

/* Immutable: a change is a new one. */
struct pod {
	struct cds_lfht_node node;
	struct addr addr;
	const char *ns, *name;
	bool own_search; /* zone_pod */
	char text[];	 /* both, each with its NUL */
};

struct server_addrs {
	size_t count;
	struct addr addrs[];
};

struct reverse_ranges {
	size_t count;
	struct cidr cidrs[];
};

struct zone {
	struct name domain;
	uint32_t ttl_s, negative_ttl_s;
	enum pods_mode pods_mode;
	_Atomic bool complete;
	_Atomic bool in_sync;	  /* zone_sync_set */
	_Atomic uint64_t away_ms; /* zone_away_set */
	_Atomic uint64_t changed_ms;
	_Atomic uint32_t serial; /* what readers see of soa */
	struct serial soa;	 /* the writer's */
	struct cds_lfht *services, *namespaces, *pods;
	struct cds_list_head namespace_list;
	struct reverse reverse;
	_Atomic(struct server_addrs *) servers;		 /* never NULL */
	_Atomic(struct reverse_ranges *) reverse_ranges; /* never NULL */
	_Atomic(char *) notes[ZONE_NOTES];		 /* may be NULL */
	_Atomic(struct static_names *) hosts;		 /* NULL: none */
	struct name lan;				 /* --dns-zone; no labels: none */
	_Atomic(struct static_names *) lan_names;	 /* in there; NULL: not known yet */
};

void table_serial_move(struct zone *z); /* the writer's: something visible has changed */

struct service_entry *table_service_entry(const struct zone *z, const uint8_t *key, size_t key_bytes);
struct namespace_entry *table_namespace_entry(const struct zone *z, const uint8_t *key, size_t key_bytes);
const struct pod *table_pod(const struct zone *z, const struct addr *addr);

static inline const struct view *service_entry_view(const struct service_entry *e)
{
	return atomic_load_explicit(&((struct service_entry *)e)->view, memory_order_acquire);
}

/*
 * key: the two wire labels "name.namespace" as they stand in a question, lower case. NULL: no such service; its kind
 * may still be DNS_NONE.
 */
static inline const struct view *table_service(const struct zone *z, const uint8_t *key, size_t key_bytes)
{
	const struct service_entry *e = table_service_entry(z, key, key_bytes);

	return e == NULL ? NULL : service_entry_view(e);
}

/* label: one wire label, lower case. */
static inline bool table_namespace(const struct zone *z, const uint8_t *label, size_t label_bytes)
{
	return table_namespace_entry(z, label, label_bytes) != NULL;
}

static inline const struct server_addrs *table_servers(const struct zone *z)
{
	return atomic_load_explicit(&z->servers, memory_order_acquire);
}

static inline const struct reverse_ranges *table_reverse_ranges(const struct zone *z)
{
	return atomic_load_explicit(&z->reverse_ranges, memory_order_acquire);
}

static inline const struct static_names *table_hosts(const struct zone *z)
{
	return atomic_load_explicit(&z->hosts, memory_order_acquire);
}

static inline const struct static_names *table_lan(const struct zone *z)
{
	return atomic_load_explicit(&z->lan_names, memory_order_acquire);
}

#endif
