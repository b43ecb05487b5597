/* What is probed: Pods by their containers' probes, endpoints of fairlead/endpoints by fairlead/probe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "watch/lab/lab_private.h"
#include "watch/lab/slice_groups.h"

static void add(struct lab *l, struct lab_probes **to, const struct probe_target *target)
{
	struct lab_probes *list = *to;

	if (list == NULL)
		list = *to = mem_alloc(sizeof *list);
	list->items = mem_grow(list->items, list->count, &list->room, sizeof(struct endpoint_probe *));
	list->items[list->count++] = l->config.probes->want(l->config.probes->ctx, target);
}

void lab_probes_drop(struct lab *l, struct lab_probes *list)
{
	for (size_t i = 0; list != NULL && i < list->count; i++)
		l->config.probes->release(l->config.probes->ctx, list->items[i]);
	if (list != NULL)
		free(list->items);
	free(list);
}

bool lab_probes_ready(const struct lab *l, const struct lab_probes *list, const char **why)
{
	*why = NULL;
	for (size_t i = 0; list != NULL && i < list->count; i++)
		if (!l->config.probes->ready(l->config.probes->ctx, list->items[i], why))
			return false;
	return true;
}

static uint64_t results_hash(const struct lab *l, const struct lab_probes *list)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < list->count; i++) {
		const char *why = NULL;
		const bool ready = l->config.probes->ready(l->config.probes->ctx, list->items[i], &why);
		hash = hash_bytes(&ready, sizeof ready, hash);
		if (why != NULL)
			hash = hash_bytes(why, strlen(why), hash);
	}
	return hash;
}

/* What is wanted now is wanted before the rest is released: a probe that stays goes on. */
static void replace(struct lab *l, struct lab_probes **list, struct lab_probes *by)
{
	lab_probes_drop(l, *list);
	*list = by;
	if (by != NULL)
		by->told = results_hash(l, by);
}

/* ---- pods ---- */

/* As a kubelet: at the pod's first address. Those that no Service selects are probed, too: a selector may change. */
void lab_probes_of_pod(struct lab *l, struct lab_pod *pod)
{
	const struct pod_details *d = &pod->raw->details;
	struct lab_probes *wanted = NULL;
	const struct addr *addrs;
	char owner[600];
	size_t count;

	lab_exec_look_at_pod(l, pod);
	if (l->config.probes == NULL)
		return;
	addrs = lab_pod_addrs(l, pod->raw, &count);
	snprintf(owner, sizeof owner, "Pod %s", pod->key);
	for (size_t i = 0; i < d->probe_count && count != 0 && !pod->raw->finished; i++) {
		struct probe_set set = d->probes[i];
		if (lab_exec_limit(l, &set))
			add(l, &wanted, &(struct probe_target){.owner = owner, .addr = addrs[0], .set = &set});
	}
	replace(l, &pod->probes, wanted);
}

/* ---- endpoints of fairlead/endpoints ---- */

struct judging {
	struct lab *l;
	char owner[600];
	struct probe_set set;
	struct lab_probes *wanted;
	bool any_ready, all_count;
};

static bool on_judge(void *ctx, const struct addr *addr, uint16_t port, const char **why)
{
	struct judging *j = ctx;
	const struct probes *probes = j->l->config.probes;

	add(j->l, &j->wanted, &(struct probe_target){.owner = j->owner, .addr = *addr, .port = port, .set = &j->set});
	const bool ready = probes->ready(probes->ctx, j->wanted->items[j->wanted->count - 1], why);
	j->any_ready = j->any_ready || ready;
	return ready || j->all_count;
}

static void on_made(void *ctx, const struct slice_object *slice)
{
	(void)ctx, (void)slice;
}

void lab_given_slices(struct lab *l, struct lab_service *s, const struct slice_sink *to)
{
	static const struct slice_sink nowhere = {.made = on_made};
	struct judging j = {.l = l};
	const struct given_judge judge = {on_judge, &j};
	const struct service_wishes *w = service_wishes(s->raw);

	if (w->probe_count != 0)
		j.set = *w->probe;
	const bool probed = l->config.probes != NULL && lab_exec_limit(l, &j.set);

	snprintf(j.owner, sizeof j.owner, "Service %s/%s", s->ns, s->name);
	if (probed && w->all_when_all_fail) {
		given_slices(s->raw, &s->families, l->config.hosts, &judge, l->scratch, &nowhere);
		j.all_count = !j.any_ready;
	}
	given_slices(s->raw, &s->families, l->config.hosts, probed ? &judge : NULL, l->scratch, to);
	replace(l, &s->probes, j.wanted);
}

/* ---- results ---- */

static bool has_changed(const struct lab *l, struct lab_probes *list)
{
	const uint64_t before = list != NULL ? list->told : 0;

	if (list != NULL)
		list->told = results_hash(l, list);
	return list != NULL && list->told != before;
}

void lab_probes_changed(struct lab *l)
{
	struct lab_service *s;
	struct lab_pod *pod;

	for (size_t at = 0; (pod = map_next(&l->pods, &at)) != NULL;)
		if (has_changed(l, pod->probes))
			lab_pods_mark(l, pod);
	for (size_t at = 0; (s = map_next(&l->services, &at)) != NULL;)
		if (has_changed(l, s->probes))
			lab_pick_mark(l, s);
}
