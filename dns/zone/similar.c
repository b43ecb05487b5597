/* Finds names one mistake away from one that does not exist. */
#include "dns/zone/similar.h"

#include <string.h>
#include <urcu/rculist.h>

#include "base/text.h"

bool similar_allowed(struct similar_budget *b, uint64_t now_ns)
{
	const uint64_t each_ns = 1000000000 / SIMILAR_PER_S;
	uint64_t from_ns = b->spent_until_ns > now_ns ? b->spent_until_ns : now_ns;

	if (from_ns - now_ns > (SIMILAR_BURST - 1) * each_ns)
		return false;
	b->spent_until_ns = from_ns + each_ns;
	return true;
}

/* Wire labels. What both begin and end with cannot hold the mistake; what is left is at most two letters each. */
static bool one_mistake(const uint8_t *a, const uint8_t *b)
{
	size_t n = a[0], m = b[0], shorter = n < m ? n : m, longer = n < m ? m : n, head = 0, tail = 0;
	char rest[2][3] = {{0}};

	if (longer - shorter > 1 || longer < SIMILAR_LETTERS_MIN)
		return false;
	while (head < shorter && a[1 + head] == b[1 + head])
		head++;
	while (tail < shorter - head && a[n - tail] == b[m - tail])
		tail++;
	if (longer - head - tail > 2)
		return false;
	memcpy(rest[0], a + 1 + head, n - head - tail);
	memcpy(rest[1], b + 1 + head, m - head - tail);
	return text_distance(rest[0], rest[1], 1) == 1;
}

const uint8_t *similar_service(const struct zone *z, const uint8_t *service, const uint8_t *ns)
{
	const struct namespace_entry *n = table_namespace_entry(z, ns, ns[0] + 1U);
	const struct service_entry *e;
	const uint8_t *found = NULL;
	unsigned seen = 0;

	if (n == NULL)
		return NULL;
	cds_list_for_each_entry_rcu(e, &n->entries, in_namespace)
	{
		if (seen++ == SIMILAR_NAMES_MAX)
			return NULL;
		if (found == NULL && one_mistake(service, e->key) && service_entry_view(e)->kind != DNS_NONE)
			found = e->key;
	}
	return found;
}

bool similar_has_service(const struct zone *z, const uint8_t *service, const uint8_t *ns)
{
	uint8_t key[2 * (NAME_LABEL_BYTES + 1)];
	size_t first = service[0] + 1U, second = ns[0] + 1U;

	memcpy(key, service, first);
	memcpy(key + first, ns, second);
	return table_service(z, key, first + second) != NULL;
}

const uint8_t *similar_namespace(const struct zone *z, const uint8_t *service, const uint8_t *ns)
{
	const struct namespace_entry *n;
	const uint8_t *found = NULL;
	bool served = false;
	unsigned seen = 0;

	cds_list_for_each_entry_rcu(n, &z->namespace_list, among_all)
	{
		if (seen++ == SIMILAR_NAMES_MAX)
			return NULL;
		if (served || !one_mistake(ns, n->key))
			continue;
		served = similar_has_service(z, service, n->key);
		if (served || found == NULL)
			found = n->key;
	}
	return found;
}
