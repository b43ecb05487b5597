/* Finds the pod that has an address. */
#include "proxy/pod_addresses.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

struct holder {
	struct addr addr; /* that of the first holder is the map's key */
	const struct pod_object *pod;
	struct holder *next; /* got it earlier */
};

static struct holder *first(const struct pod_addrs *p, const struct addr *addr)
{
	return map_get(&p->holders, addr, sizeof *addr);
}

static void first_set(struct pod_addrs *p, struct holder *h)
{
	map_put(&p->holders, &h->addr, sizeof h->addr, h);
}

static void pod_addrs_add(struct pod_addrs *p, const struct addr *addr, const struct pod_object *pod)
{
	struct holder *h = mem_alloc(sizeof *h);

	*h = (struct holder){.addr = *addr, .pod = pod, .next = first(p, addr)};
	first_set(p, h);
}

/* Where the pod's holder hangs; *head is what the map is to have after a change there. */
static struct holder **find(struct holder **head, const struct pod_object *pod)
{
	struct holder **at = head;

	while (*at != NULL && (*at)->pod != pod)
		at = &(*at)->next;
	return at;
}

static void pod_addrs_drop(struct pod_addrs *p, const struct addr *addr, const struct pod_object *pod)
{
	struct holder *head = first(p, addr), **at = find(&head, pod), *h = *at;

	assert(h != NULL);
	*at = h->next;
	if (head != NULL)
		first_set(p, head);
	else
		map_del(&p->holders, addr, sizeof *addr);
	free(h);
}

/* Is the address among the first so many? */
static bool lists(const struct pod_object *pod, size_t count, const struct addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (addr_equal(&pod->addrs[i], addr))
			return true;
	return false;
}

static bool holds(const struct pod_object *pod, const struct addr *addr)
{
	return pod != NULL && !pod->host_network && !pod->finished && lists(pod, pod->addr_count, addr);
}

/* One that keeps its address keeps its place among those who have it. */
static void change(struct pod_addrs *p, const struct addr *addr, const struct pod_object *prev,
		   const struct pod_object *next)
{
	const bool had = holds(prev, addr), has = holds(next, addr);
	struct holder *head = first(p, addr);

	if (had && has)
		(*find(&head, prev))->pod = next;
	else if (had)
		pod_addrs_drop(p, addr, prev);
	else if (has)
		pod_addrs_add(p, addr, next);
}

void pod_addrs_change(struct pod_addrs *p, const struct pod_object *prev, const struct pod_object *next)
{
	for (size_t i = 0; prev != NULL && i < prev->addr_count; i++)
		if (!lists(prev, i, &prev->addrs[i])) /* each once, whatever the object says */
			change(p, &prev->addrs[i], prev, next);
	for (size_t i = 0; next != NULL && i < next->addr_count; i++)
		if (!lists(next, i, &next->addrs[i]) && !holds(prev, &next->addrs[i]))
			change(p, &next->addrs[i], prev, next);
}

const struct pod_object *pod_addrs_find(const struct pod_addrs *p, const struct addr *addr)
{
	const struct holder *h = first(p, addr);

	return h != NULL ? h->pod : NULL;
}

void pod_addrs_fini(struct pod_addrs *p)
{
	struct holder *h, *next;
	size_t at = 0;

	while ((h = map_next(&p->holders, &at)) != NULL)
		for (; h != NULL; h = next) {
			next = h->next;
			free(h);
		}
	map_fini(&p->holders);
}
