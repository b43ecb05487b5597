/* Publishes services, namespaces, pods and ranges to the readers. */
#include "dns/zone/zone.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/rculist.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "dns/zone/table.h"

/*
 * Buckets to begin with. liburcu grows a table only at eight entries a bucket, or, without counting, by the longest
 * chain it meets, which on a busy machine can be a hundred times too much: so begin with what a large cluster needs.
 */
#define SERVICE_BUCKETS (1 << 14) /* 256 KB */
#define OTHER_BUCKETS (1 << 10)

static struct cds_lfht *table_new(unsigned long buckets)
{
	struct cds_lfht *ht = cds_lfht_new(buckets, buckets, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING, NULL);

	if (ht == NULL)
		fatalx("dns: no memory for a hash table");
	return ht;
}

static uint32_t now_s(void)
{
	return (uint32_t)(clock_wall_ms() / 1000);
}

struct zone *zone_new(const struct zone_config *config)
{
	struct name domain, lan = {0};

	if (!name_parse(&domain, config->domain) || domain.labels == 0 ||
	    (config->lan != NULL && !name_parse(&lan, config->lan)))
		return NULL;
	rcu_start();
	struct zone *z = mem_alloc(sizeof *z);
	z->domain = domain;
	z->lan = lan;
	z->ttl_s = config->ttl_s;
	z->negative_ttl_s = config->negative_ttl_s;
	z->pods_mode = config->pods;
	CDS_INIT_LIST_HEAD(&z->namespace_list);
	serial_init(&z->soa, &(struct serial_store){0});
	z->serial = now_s();
	z->servers = mem_alloc(sizeof *z->servers);
	z->reverse_ranges = mem_alloc(sizeof *z->reverse_ranges);
	rcu_writer_begin();
	z->services = table_new(SERVICE_BUCKETS);
	z->namespaces = table_new(OTHER_BUCKETS);
	z->pods = table_new(OTHER_BUCKETS);
	rcu_writer_end();
	return z;
}

/* No client sees a serial before the first complete state: loading it is not a change. */
void table_serial_move(struct zone *z)
{
	if (atomic_load_explicit(&z->complete, memory_order_relaxed))
		atomic_store_explicit(&z->serial, serial_next(&z->soa, now_s()), memory_order_relaxed);
}

void zone_away_set(struct zone *z, uint64_t since_ms)
{
	atomic_store_explicit(&z->away_ms, since_ms, memory_order_relaxed);
}

void zone_sync_set(struct zone *z, bool in_sync, uint64_t changed_ms)
{
	atomic_store_explicit(&z->in_sync, in_sync, memory_order_relaxed);
	atomic_store_explicit(&z->changed_ms, changed_ms, memory_order_relaxed);
}

void zone_note_set(struct zone *z, enum zone_note note, const char *text)
{
	char *copy = text != NULL ? mem_strdup(text) : NULL;

	rcu_writer_begin();
	rcu_defer(free, atomic_exchange_explicit(&z->notes[note], copy, memory_order_acq_rel));
	rcu_writer_end();
}

void zone_serial_keep(struct zone *z, const struct serial_store *store)
{
	serial_init(&z->soa, store);
}

uint32_t zone_serial(const struct zone *z)
{
	return atomic_load_explicit(&z->serial, memory_order_relaxed);
}

void zone_complete(struct zone *z)
{
	atomic_store_explicit(&z->serial, serial_first(&z->soa, now_s()), memory_order_relaxed);
	atomic_store_explicit(&z->complete, true, memory_order_release);
}

/* ---- namespaces ---- */

static size_t put_label(uint8_t *to, const char *text)
{
	size_t length = strnlen(text, NAME_LABEL_BYTES);

	to[0] = (uint8_t)length;
	name_lower(to + 1, (const uint8_t *)text, length);
	return length + 1;
}

static struct namespace_entry *namespace_need(struct zone *z, const char *ns)
{
	uint8_t key[NAME_LABEL_BYTES + 1];
	size_t length = put_label(key, ns);
	struct namespace_entry *s = table_namespace_entry(z, key, length);

	if (s != NULL)
		return s;
	s = mem_alloc(sizeof *s + length);
	s->key_bytes = (uint8_t)length;
	memcpy(s->key, key, length);
	CDS_INIT_LIST_HEAD(&s->entries);
	cds_list_add_rcu(&s->among_all, &z->namespace_list);
	cds_lfht_node_init(&s->node);
	cds_lfht_add(z->namespaces, hash_key(key, length), &s->node);
	return s;
}

static void namespace_drop_unused(struct zone *z, struct namespace_entry *s)
{
	if (s->declared || s->services > 0)
		return;
	cds_lfht_del(z->namespaces, &s->node);
	cds_list_del_rcu(&s->among_all);
	rcu_defer(free, s);
}

void zone_namespace_set(struct zone *z, const char *ns, bool exists)
{
	rcu_writer_begin();
	struct namespace_entry *s = namespace_need(z, ns);
	if (s->declared != exists && s->services == 0)
		table_serial_move(z);
	s->declared = exists;
	namespace_drop_unused(z, s);
	rcu_writer_end();
}

static void namespace_count(struct zone *z, const char *ns, int change)
{
	struct namespace_entry *s = namespace_need(z, ns);

	s->services = (uint32_t)((int64_t)s->services + change);
	namespace_drop_unused(z, s);
}

/* ---- services ---- */

static size_t service_entry_key(uint8_t key[2 * (NAME_LABEL_BYTES + 1)], const struct service *s)
{
	size_t length = put_label(key, s->name);

	return length + put_label(key + length, s->ns);
}

static void service_entry_add(struct zone *z, const uint8_t *key, size_t key_bytes, struct view *view)
{
	struct service_entry *e = mem_alloc(sizeof *e + key_bytes);

	e->key_bytes = (uint8_t)key_bytes;
	memcpy(e->key, key, key_bytes);
	e->view = view;
	cds_list_add_rcu(&e->in_namespace, &namespace_need(z, view->service->ns)->entries);
	cds_lfht_node_init(&e->node);
	cds_lfht_add(z->services, hash_key(key, key_bytes), &e->node);
}

/* Both lists are sorted: one pass finds what came and what went. */
static void reverse_change(struct zone *z, const struct service_entry *e, const struct service *prev,
			   const struct service *next)
{
	size_t old_count, new_count, i = 0, j = 0;
	struct addr *old = view_reverse_addrs(prev, &old_count);
	struct addr *new = view_reverse_addrs(next, &new_count);

	while (i < old_count || j < new_count) {
		int order = i == old_count ? 1 : j == new_count ? -1 : addr_compare(&old[i], &new[j]);
		if (order < 0)
			reverse_del(&z->reverse, &old[i++], e);
		else if (order > 0)
			reverse_add(&z->reverse, &new[j++], e);
		else
			i++, j++;
	}
	free(old);
	free(new);
}

static void service_remove(struct zone *z, struct service_entry *e)
{
	struct view *view = atomic_load_explicit(&e->view, memory_order_relaxed);

	cds_lfht_del(z->services, &e->node);
	cds_list_del_rcu(&e->in_namespace);
	reverse_change(z, e, view->service, NULL);
	namespace_count(z, view->service->ns, -1);
	rcu_defer(view_free, view);
	rcu_defer(free, e);
}

static void service_put(struct zone *z, struct service *next)
{
	uint8_t key[2 * (NAME_LABEL_BYTES + 1)];
	size_t key_bytes = service_entry_key(key, next);
	struct service_entry *e = table_service_entry(z, key, key_bytes);
	struct view *view = view_new(next), *old = NULL;

	if (e == NULL) {
		namespace_count(z, next->ns, 1);
		service_entry_add(z, key, key_bytes, view);
		e = table_service_entry(z, key, key_bytes);
	} else {
		old = atomic_exchange_explicit(&e->view, view, memory_order_acq_rel);
	}
	reverse_change(z, e, old == NULL ? NULL : old->service, next);
	if (old != NULL)
		rcu_defer(view_free, old);
}

void zone_replace(struct zone *z, struct service *prev, struct service *next)
{
	uint8_t key[2 * (NAME_LABEL_BYTES + 1)];

	if (prev == NULL && next == NULL)
		return;
	bool visible = prev == NULL || next == NULL || prev->dns_digest != next->dns_digest;
	rcu_writer_begin();
	if (next != NULL) {
		service_put(z, next);
	} else {
		struct service_entry *e = table_service_entry(z, key, service_entry_key(key, prev));
		assert(e != NULL && service_entry_view(e)->service == prev);
		service_remove(z, e);
	}
	if (visible)
		table_serial_move(z);
	rcu_writer_end();
}

/* ---- pods, servers, reverse ranges ---- */

static void pod_remove(struct zone *z, const struct addr *addr)
{
	struct pod *p = (struct pod *)table_pod(z, addr);

	if (p == NULL)
		return;
	cds_lfht_del(z->pods, &p->node);
	rcu_defer(free, p);
}

void zone_pod_set(struct zone *z, const struct addr *addr, const struct zone_pod *pod)
{
	rcu_writer_begin();
	const struct pod *old = table_pod(z, addr);
	bool visible = z->pods_mode == PODS_VERIFIED &&
		       (old == NULL || pod == NULL ? (old != NULL) != (pod != NULL) : strcmp(old->ns, pod->ns) != 0);
	pod_remove(z, addr);
	if (pod != NULL) {
		size_t ns_bytes = strlen(pod->ns) + 1, name_bytes = strlen(pod->name) + 1;
		struct pod *p = mem_alloc(sizeof *p + ns_bytes + name_bytes);
		p->addr = *addr;
		p->ns = memcpy(p->text, pod->ns, ns_bytes);
		p->name = memcpy(p->text + ns_bytes, pod->name, name_bytes);
		p->own_search = pod->own_search;
		cds_lfht_node_init(&p->node);
		cds_lfht_add(z->pods, hash_key(addr, sizeof *addr), &p->node);
	}
	if (visible)
		table_serial_move(z);
	rcu_writer_end();
}

/* Clients cannot reach this server at loopback and wildcard addresses. */
static bool names_a_server(const struct addr *a)
{
	return !addr_is_loopback(a) && !addr_is_wildcard(a);
}

void zone_server_addrs_set(struct zone *z, const struct addr *addrs, size_t count)
{
	struct server_addrs *list = mem_alloc(sizeof *list + count * sizeof *addrs);

	for (size_t i = 0; i < count; i++) {
		if (names_a_server(&addrs[i]))
			list->addrs[list->count++] = addrs[i];
	}
	rcu_writer_begin();
	rcu_defer(free, atomic_exchange_explicit(&z->servers, list, memory_order_acq_rel));
	table_serial_move(z);
	rcu_writer_end();
}

void zone_reverse_set(struct zone *z, const struct cidr *cidrs, size_t count)
{
	struct reverse_ranges *list = mem_alloc(sizeof *list + count * sizeof *cidrs);

	list->count = count;
	if (count > 0)
		memcpy(list->cidrs, cidrs, count * sizeof *cidrs);
	rcu_writer_begin();
	rcu_defer(free, atomic_exchange_explicit(&z->reverse_ranges, list, memory_order_acq_rel));
	rcu_writer_end();
}

/* ---- end ---- */

static void drain(struct cds_lfht *ht, void (*free_node)(struct cds_lfht_node *))
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;

	cds_lfht_for_each(ht, &iter, node)
	{
		cds_lfht_del(ht, node);
		free_node(node);
	}
}

static void entry_node_free(struct cds_lfht_node *node)
{
	struct service_entry *e = caa_container_of(node, struct service_entry, node);

	rcu_defer(view_free, e->view);
	rcu_defer(free, e);
}

static void namespace_node_free(struct cds_lfht_node *node)
{
	rcu_defer(free, caa_container_of(node, struct namespace_entry, node));
}

static void pod_node_free(struct cds_lfht_node *node)
{
	rcu_defer(free, caa_container_of(node, struct pod, node));
}

void zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	serial_end(&z->soa);
	rcu_writer_begin();
	drain(z->services, entry_node_free);
	drain(z->namespaces, namespace_node_free);
	drain(z->pods, pod_node_free);
	rcu_writer_end();
	cds_lfht_destroy(z->services, NULL);
	cds_lfht_destroy(z->namespaces, NULL);
	cds_lfht_destroy(z->pods, NULL);
	rcu_writer_settle();
	reverse_fini(&z->reverse);
	for (unsigned i = 0; i < ZONE_NOTES; i++)
		free(z->notes[i]);
	free(z->servers);
	free(z->reverse_ranges);
	static_names_free(z->hosts);
	static_names_free(z->lan_names);
	free(z);
}
