/* Deployments and the like: nothing starts their pods here, so they must be given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "watch/lab/lab_private.h"
#include "watch/lab/select.h"

#define KEY_BYTES 512

static const char *key_of(char key[KEY_BYTES], enum object_kind kind, const char *ns, const char *name)
{
	snprintf(key, KEY_BYTES, "%s %s/%s", object_kind_name(kind), ns, name);
	return key;
}

void lab_workloads_upsert(struct lab *l, struct object *o)
{
	char key[KEY_BYTES];
	struct lab_workload *w = map_get_str(&l->workloads, key_of(key, o->kind, o->ns, o->name));

	lab_pick_begin(l);
	if (w == NULL) {
		w = mem_alloc(sizeof *w + strlen(key) + 1);
		memcpy(w->key, key, strlen(key) + 1);
		map_put_str(&l->workloads, w->key, w);
	}
	object_free((struct object *)(uintptr_t)w->raw);
	w->raw = (const struct workload_object *)o;
	l->workloads_stale = true;
}

static void workload_free(struct lab_workload *w)
{
	object_free((struct object *)(uintptr_t)w->raw);
	free(w);
}

void lab_workloads_remove(struct lab *l, enum object_kind kind, const char *ns, const char *name)
{
	char key[KEY_BYTES];
	struct lab_workload *w = map_del_str(&l->workloads, key_of(key, kind, ns, name));

	if (w != NULL)
		workload_free(w);
}

void lab_workloads_fini(struct lab *l)
{
	struct lab_workload *w;
	size_t at = 0;

	while ((w = map_next(&l->workloads, &at)) != NULL)
		workload_free(w);
	map_fini(&l->workloads);
}

/* ---- what is told ---- */

static bool has_pods(const struct lab *l, const struct workload_object *w)
{
	const struct lab_label *label = lab_label_find(l, w->object.ns, &w->labels[0]);

	for (size_t i = 0; label != NULL && i < label->pod_count; i++) {
		const struct pod_details *d = &label->pods[i]->raw->details;
		if (labels_match(w->labels, w->label_count, d->labels, d->label_count))
			return true;
	}
	return false;
}

/* The first Service by name that would select its pods; NULL: none. */
static const struct lab_service *selecting(const struct lab *l, const struct workload_object *w)
{
	const struct lab_service *first = NULL;

	for (size_t i = 0; i < w->label_count; i++) {
		const struct lab_label *label = lab_label_find(l, w->object.ns, &w->labels[i]);
		for (size_t k = 0; label != NULL && k < label->service_count; k++) {
			const struct lab_service *s = label->services[k];
			if (labels_match(service_wishes(s->raw)->selector, service_wishes(s->raw)->selector_count,
					 w->labels, w->label_count) &&
			    (first == NULL || strcmp(s->name, first->name) < 0))
				first = s;
		}
	}
	return first;
}

static void reason_of(const struct lab *l, const struct workload_object *w, char *text, size_t room)
{
	const struct lab_service *s = selecting(l, w);

	if (s != NULL && service_wishes(s->raw)->given_count != 0)
		return; /* its endpoints are written there */
	if (s == NULL)
		snprintf(text, room, "skipped: nothing is started here, and its Pods are not given");
	else
		snprintf(text, room,
			 "skipped: nothing is started here, and its Pods are not given, so Service %s has no endpoints "
			 "of it: "
			 "write their addresses in its annotation fairlead/endpoints, or give Pods with these labels "
			 "and "
			 "status.podIPs or the annotation fairlead/pod-ip",
			 s->name);
}

static void workload_look(struct lab *l, struct lab_workload *w)
{
	const struct object *o = &w->raw->object;
	char reason[400] = "";

	if (!w->raw->none && (w->raw->label_count == 0 || !has_pods(l, w->raw)))
		reason_of(l, w->raw, reason, sizeof reason);
	const uint64_t hash = reason[0] != '\0' ? hash_text(reason, 0) : 0;
	if (hash != 0 && hash != w->told)
		l->config.problem(l->config.ctx, o->kind,
				  &(struct decode_problem){.kind = object_kind_name(o->kind),
							   .ns = o->ns,
							   .name = o->name,
							   .field = "",
							   .reason = reason});
	w->told = hash;
}

void lab_workloads_settle(struct lab *l, uint64_t until_ns)
{
	struct lab_workload *w;

	if (l->workloads_stale) {
		l->workloads_stale = false;
		l->workloads_left = true;
		l->workload_at = 0;
	}
	while (l->workloads_left && (until_ns == UINT64_MAX || clock_ns() < until_ns)) {
		w = map_next(&l->workloads, &l->workload_at);
		if (w != NULL)
			workload_look(l, w);
		l->workloads_left = w != NULL;
	}
}
