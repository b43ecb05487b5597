/* Pods and Nodes, and which pods have a label. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch/lab/lab_private.h"
#include "watch/lab/select.h"

#define KEY_BYTES 512	    /* two names of at most 253 bytes */
#define LABEL_KEY_BYTES 640 /* a namespace of 63, a key of 317, a value of 63 */

/* ---- labels ---- */

static size_t label_key(char key[LABEL_KEY_BYTES], const char *ns, const struct label_object *label)
{
	const int n = snprintf(key, LABEL_KEY_BYTES, "%s%c%s%c%s", ns, '\0', label->key, '\0', label->value);

	return n < LABEL_KEY_BYTES ? (size_t)n + 1 : LABEL_KEY_BYTES;
}

struct lab_label *lab_label_find(const struct lab *l, const char *ns, const struct label_object *label)
{
	char key[LABEL_KEY_BYTES];
	const size_t n = label_key(key, ns, label);

	return map_get(&l->labels, key, n);
}

struct lab_label *lab_label_make(struct lab *l, const char *ns, const struct label_object *label)
{
	char key[LABEL_KEY_BYTES];
	const size_t n = label_key(key, ns, label);
	struct lab_label *entry = map_get(&l->labels, key, n);

	if (entry != NULL)
		return entry;
	entry = mem_alloc(sizeof *entry + n);
	entry->key_bytes = n;
	memcpy(entry->key, key, n);
	map_put(&l->labels, entry->key, n, entry);
	return entry;
}

static void label_free(struct lab_label *label)
{
	free(label->pods);
	free(label->services);
	free(label);
}

void lab_label_settle(struct lab *l, struct lab_label *label)
{
	if (label->pod_count != 0 || label->service_count != 0)
		return;
	map_del(&l->labels, label->key, label->key_bytes);
	label_free(label);
}

static void label_leave(struct lab *l, const struct lab_pod *pod, struct lab_label *label)
{
	for (size_t i = 0; i < label->pod_count; i++) {
		if (label->pods[i] != pod)
			continue;
		label->pods[i] = label->pods[--label->pod_count];
		break;
	}
	lab_label_settle(l, label);
}

/* ---- pods ---- */

/* Those that select it make their slices anew. */
static void mark_services(struct lab *l, const struct pod_object *pod, const struct lab_label *label)
{
	const struct pod_details *d = &pod->details;

	for (size_t i = 0; i < label->service_count; i++) {
		if (label->services[i]->pick_dirty)
			continue;
		const struct service_wishes *w = service_wishes(label->services[i]->raw);
		if (labels_match(w->selector, w->selector_count, d->labels, d->label_count))
			lab_pick_mark(l, label->services[i]);
	}
}

void lab_pods_mark(struct lab *l, const struct lab_pod *pod)
{
	const struct pod_details *d = &pod->raw->details;

	for (size_t i = 0; i < d->label_count; i++) {
		const struct lab_label *label = lab_label_find(l, pod->raw->object.ns, &d->labels[i]);
		if (label != NULL)
			mark_services(l, pod->raw, label);
	}
}

static void pod_enter(struct lab *l, struct lab_pod *pod)
{
	const struct pod_details *d = &pod->raw->details;

	for (size_t i = 0; i < d->label_count; i++) {
		struct lab_label *label = lab_label_make(l, pod->raw->object.ns, &d->labels[i]);
		label->pods = mem_grow(label->pods, label->pod_count, &label->pod_room, sizeof(struct lab_pod *));
		label->pods[label->pod_count++] = pod;
		mark_services(l, pod->raw, label);
	}
}

static void pod_leave(struct lab *l, struct lab_pod *pod)
{
	const struct pod_details *d = &pod->raw->details;

	for (size_t i = 0; i < d->label_count; i++) {
		struct lab_label *label = lab_label_find(l, pod->raw->object.ns, &d->labels[i]);
		mark_services(l, pod->raw, label);
		label_leave(l, pod, label);
	}
}

static bool same_labels(const struct pod_object *x, const struct pod_object *y)
{
	return x->details.label_count == y->details.label_count &&
	       labels_match(x->details.labels, x->details.label_count, y->details.labels, y->details.label_count);
}

/* What the store needs of it: an edit of a label changes nothing there. */
static void pass_on(struct lab *l, const struct pod_object *pod)
{
	struct pod_object *plain = (struct pod_object *)object_over(&pod->object, sizeof *pod, 0);

	plain->details = (struct pod_details){0};
	pack_object(&l->pack, &plain->object);
	plain->object.digest = pack_digest(&l->pack);
	l->config.next.upsert(l->config.next.ctx, &plain->object);
}

void lab_pods_upsert(struct lab *l, struct object *o)
{
	const struct pod_object *raw = (const struct pod_object *)o;
	char key[KEY_BYTES];
	struct lab_pod *pod;

	lab_pick_begin(l);
	const size_t n = (size_t)snprintf(key, sizeof key, "%s/%s", o->ns, o->name) + 1;
	pod = map_get_str(&l->pods, key);
	l->workloads_stale = l->workloads_stale || pod == NULL || !same_labels(pod->raw, raw);
	if (pod == NULL) {
		pod = mem_alloc(sizeof *pod + n);
		memcpy(pod->key, key, n);
		map_put_str(&l->pods, pod->key, pod);
	} else {
		pod_leave(l, pod);
		object_free((struct object *)(uintptr_t)pod->raw);
	}
	pod->raw = raw;
	pod_enter(l, pod);
	lab_probes_of_pod(l, pod);
	pass_on(l, raw);
}

static void pod_free(struct lab *l, struct lab_pod *pod)
{
	lab_probes_drop(l, pod->probes);
	object_free((struct object *)(uintptr_t)pod->raw);
	free(pod);
}

void lab_pods_remove(struct lab *l, const char *ns, const char *name)
{
	char key[KEY_BYTES];
	struct lab_pod *pod;

	snprintf(key, sizeof key, "%s/%s", ns, name);
	pod = map_del_str(&l->pods, key);
	if (pod != NULL) {
		pod_leave(l, pod);
		pod_free(l, pod);
	}
	l->workloads_stale = true;
	l->config.next.remove(l->config.next.ctx, OBJECT_POD, ns, name);
}

/* ---- Nodes: zones, and addresses of pods in the host's network ---- */

static void mark_all(struct lab *l)
{
	struct lab_service *s;
	struct lab_pod *pod;

	for (size_t at = 0; (s = map_next(&l->services, &at)) != NULL;)
		if (s->pick_indexed)
			lab_pick_mark(l, s);
	for (size_t at = 0; (pod = map_next(&l->pods, &at)) != NULL;)
		if (pod->raw->host_network && pod->raw->addr_count == 0)
			lab_probes_of_pod(l, pod);
}

const struct addr *lab_pod_addrs(const struct lab *l, const struct pod_object *pod, size_t *count)
{
	const bool of_node = pod->addr_count == 0 && pod->host_network && pod->node_name != NULL;
	const struct node_object *node = of_node ? map_get_str(&l->nodes, pod->node_name) : NULL;

	*count = node != NULL ? node->addr_count : pod->addr_count;
	return node != NULL ? node->addrs : pod->addrs;
}

void lab_nodes_upsert(struct lab *l, struct object *o)
{
	struct object *held = (struct object *)(uintptr_t)object_hold(o);

	object_free(map_put_str(&l->nodes, held->name, held));
	mark_all(l);
	l->config.next.upsert(l->config.next.ctx, o);
}

void lab_nodes_remove(struct lab *l, const char *name)
{
	object_free(map_del_str(&l->nodes, name));
	mark_all(l);
	l->config.next.remove(l->config.next.ctx, OBJECT_NODE, "", name);
}

void lab_pods_fini(struct lab *l)
{
	struct lab_label *label;
	struct lab_pod *pod;
	struct object *node;

	for (size_t at = 0; (pod = map_next(&l->pods, &at)) != NULL;)
		pod_free(l, pod);
	for (size_t at = 0; (node = map_next(&l->nodes, &at)) != NULL;)
		object_free(node);
	for (size_t at = 0; (label = map_next(&l->labels, &at)) != NULL;)
		label_free(label);
	map_fini(&l->pods);
	map_fini(&l->nodes);
	map_fini(&l->labels);
	free(l->pick);
}
