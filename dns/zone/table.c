/* Looks services, namespaces and pods up by name. */
#include "dns/zone/table.h"

#include <string.h>

#include "base/hash.h"

struct key {
	const uint8_t *bytes;
	size_t length;
};

static struct cds_lfht_node *lookup(struct cds_lfht *ht, cds_lfht_match_fct match, const struct key *key)
{
	struct cds_lfht_iter iter;

	cds_lfht_lookup(ht, hash_key(key->bytes, key->length), match, key, &iter);
	return cds_lfht_iter_get_node(&iter);
}

static int service_entry_match(struct cds_lfht_node *node, const void *key)
{
	const struct service_entry *e = caa_container_of(node, struct service_entry, node);
	const struct key *k = key;

	return e->key_bytes == k->length && memcmp(e->key, k->bytes, k->length) == 0;
}

struct service_entry *table_service_entry(const struct zone *z, const uint8_t *key, size_t key_bytes)
{
	struct cds_lfht_node *n = lookup(z->services, service_entry_match, &(struct key){key, key_bytes});

	return n == NULL ? NULL : caa_container_of(n, struct service_entry, node);
}

static int namespace_match(struct cds_lfht_node *node, const void *key)
{
	const struct namespace_entry *s = caa_container_of(node, struct namespace_entry, node);
	const struct key *k = key;

	return s->key_bytes == k->length && memcmp(s->key, k->bytes, k->length) == 0;
}

struct namespace_entry *table_namespace_entry(const struct zone *z, const uint8_t *key, size_t key_bytes)
{
	struct cds_lfht_node *n = lookup(z->namespaces, namespace_match, &(struct key){key, key_bytes});

	return n == NULL ? NULL : caa_container_of(n, struct namespace_entry, node);
}

static int pod_match(struct cds_lfht_node *node, const void *key)
{
	const struct key *k = key;

	return memcmp(&caa_container_of(node, struct pod, node)->addr, k->bytes, sizeof(struct addr)) == 0;
}

const struct pod *table_pod(const struct zone *z, const struct addr *addr)
{
	struct cds_lfht_node *n = lookup(z->pods, pod_match, &(struct key){(const uint8_t *)addr, sizeof *addr});

	return n == NULL ? NULL : caa_container_of(n, struct pod, node);
}
