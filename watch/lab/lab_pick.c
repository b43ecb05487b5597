/* The slices of Services with selectors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "watch/lab/given.h"
#include "watch/lab/lab_private.h"
#include "watch/lab/select.h"

void lab_pick_mark(struct lab *l, struct lab_service *s)
{
	if (s->pick_dirty)
		return;
	s->pick_dirty = true;
	l->pick = mem_grow(l->pick, l->pick_count, &l->pick_room, sizeof(struct lab_service *));
	l->pick[l->pick_count++] = s;
}

/* ---- the index ---- */

/* Under the first label of its selector, where pods look for who selects them. */
static void index_enter(struct lab *l, struct lab_service *s)
{
	const struct service_wishes *w = service_wishes(s->raw);
	struct lab_label *label;

	if (w->selector_count == 0 || s->raw->type == SERVICE_EXTERNAL_NAME)
		return;
	label = lab_label_make(l, s->ns, &w->selector[0]);
	label->services =
		mem_grow(label->services, label->service_count, &label->service_room, sizeof(struct lab_service *));
	label->services[label->service_count++] = s;
	s->pick_indexed = true;
	lab_pick_mark(l, s);
}

void lab_pick_begin(struct lab *l)
{
	struct lab_service *s;
	size_t at = 0;

	if (l->selecting)
		return;
	l->selecting = true;
	while ((s = map_next(&l->services, &at)) != NULL)
		if (s->raw != NULL)
			index_enter(l, s);
}

void lab_pick_enter(struct lab *l, struct lab_service *s)
{
	given_want(s->raw, l->config.hosts, true);
	l->workloads_stale = true;
	lab_pick_mark(l, s);
	if (l->selecting)
		index_enter(l, s);
}

void lab_pick_leave(struct lab *l, struct lab_service *s)
{
	struct lab_label *label;

	lab_pick_mark(l, s);
	given_want(s->raw, l->config.hosts, false);
	l->workloads_stale = true;
	if (!s->pick_indexed)
		return;
	s->pick_indexed = false;
	label = lab_label_find(l, s->ns, &service_wishes(s->raw)->selector[0]);
	for (size_t i = 0; i < label->service_count; i++) {
		if (label->services[i] != s)
			continue;
		label->services[i] = label->services[--label->service_count];
		break;
	}
	lab_label_settle(l, label);
}

/* ---- which pods ---- */

static const struct lab_label *shortest(const struct lab *l, const struct lab_service *s)
{
	const struct service_wishes *w = service_wishes(s->raw);
	const struct lab_label *least = NULL;

	for (size_t i = 0; i < w->selector_count; i++) {
		const struct lab_label *label = lab_label_find(l, s->ns, &w->selector[i]);
		if (label == NULL)
			return NULL;
		if (least == NULL || label->pod_count < least->pod_count)
			least = label;
	}
	return least;
}

static struct selected selected_make(const struct lab *l, const struct lab_pod *pod)
{
	const struct pod_object *raw = pod->raw;
	const struct node_object *node = raw->node_name != NULL ? map_get_str(&l->nodes, raw->node_name) : NULL;
	struct selected p = {.pod = raw, .zone = node != NULL ? node->zone : NULL};

	p.addrs = lab_pod_addrs(l, raw, &p.addr_count);
	p.failing = !lab_probes_ready(l, pod->probes, &p.why);
	return p;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct selected *)a)->pod->object.name, ((const struct selected *)b)->pod->object.name);
}

static struct selected *pods_of(const struct lab *l, const struct lab_service *s, struct arena *arena, size_t *count)
{
	const struct service_wishes *w = service_wishes(s->raw);
	const struct lab_label *label = shortest(l, s);
	const size_t most = label != NULL ? label->pod_count : 0;
	struct selected *all = arena_array(arena, most, sizeof *all);

	*count = 0;
	for (size_t i = 0; i < most; i++) {
		const struct pod_object *pod = label->pods[i]->raw;
		if (labels_match(w->selector, w->selector_count, pod->details.labels, pod->details.label_count))
			all[(*count)++] = selected_make(l, label->pods[i]);
	}
	return all;
}

/* ---- what the store is told ---- */

struct making {
	struct lab *l;
	size_t count;
	char **names;
};

static void on_slice(void *ctx, const struct slice_object *slice)
{
	struct making *m = ctx;
	struct lab *l = m->l;

	m->names = mem_resize(m->names, (m->count + 1) * sizeof *m->names);
	m->names[m->count++] = mem_strdup(slice->object.name);
	l->config.next.upsert(l->config.next.ctx, pack_copy(&l->pack, &slice->object));
}

static void names_replace(struct lab *l, struct lab_service *s, const struct making *m)
{
	struct map kept = {0};

	for (size_t i = 0; i < m->count && s->slice_count != 0; i++)
		map_put_str(&kept, m->names[i], m->names[i]);
	for (size_t i = 0; i < s->slice_count; i++) {
		if (map_get_str(&kept, s->slices[i]) == NULL)
			l->config.next.remove(l->config.next.ctx, OBJECT_SLICE, s->ns, s->slices[i]);
		free(s->slices[i]);
	}
	map_fini(&kept);
	free(s->slices);
	s->slices = m->names;
	s->slice_count = m->count;
}

/* ---- the room that all Services share ---- */

static void room_give_back(struct lab *l, struct lab_service *s)
{
	l->picked -= s->picked;
	l->short_count -= s->pick_short;
	s->picked = 0;
	s->pick_short = false;
}

/* How many of the pods there is room for. */
static size_t room_take(struct lab *l, struct lab_service *s, size_t count)
{
	const size_t each = s->families.count * (s->raw->port_count != 0 ? s->raw->port_count : 1);
	const size_t fit = each != 0 ? (LAB_PICKED_MAX - l->picked) / each : count;
	char reason[160];

	if (count > fit) {
		snprintf(reason, sizeof reason,
			 "more Pods are selected than there is room for: all Services together have at most %u "
			 "endpoints x ports; the last by name are left out",
			 LAB_PICKED_MAX);
		lab_problems_add(l, "spec.selector", reason);
		s->pick_short = true;
		l->short_count++;
		count = fit;
	}
	s->picked = (uint32_t)(count * each);
	l->picked += s->picked;
	return count;
}

/* A name of a port that no pod has: mistyped, or the port is of another protocol. */
static void look_at_ports(struct lab *l, struct lab_service *s, const struct selected *pods, size_t count)
{
	char field[48], reason[128];

	for (size_t i = 0; i < s->raw->port_count; i++) {
		const struct port_object *p = &s->raw->ports[i];
		size_t at = 0;
		while (at < count && select_port(pods[at].pod, p) == 0)
			at++;
		if (count == 0 || at < count)
			continue;
		snprintf(field, sizeof field, "spec.ports[%zu].targetPort", i);
		snprintf(reason, sizeof reason, "no Pod that is selected has a container port named \"%.40s\" (%s)",
			 p->target_port, proto_name(p->proto));
		lab_problems_add(l, field, reason);
	}
	lab_problems_tell(l, s, &s->pick_told, false);
}

/* An address that no family of the Service has use for; a name that has none. */
static void look_at_hosts(struct lab *l, struct lab_service *s)
{
	const struct given_hosts *hosts = l->config.hosts;
	char reason[400], addr[ADDR_TEXT_BYTES];

	for (size_t i = 0; i < service_wishes(s->raw)->given_count; i++) {
		const struct given_endpoint *g = &service_wishes(s->raw)->given[i];
		const char *why = NULL;
		size_t count;
		if (g->host == NULL && !families_have(&s->families, g->addr.family))
			snprintf(reason, sizeof reason, "%s is not used: the Service has no %s address",
				 addr_format(&g->addr, addr), family_name(g->addr.family));
		else if (g->host != NULL && hosts != NULL &&
			 (hosts->addrs(hosts->ctx, g->host, &count, &why), why != NULL))
			snprintf(reason, sizeof reason, "%.253s: %.100s", g->host, why);
		else
			continue;
		lab_problems_add(l, "metadata.annotations.fairlead/endpoints", reason);
	}
	lab_exec_look_at_service(l, s);
	lab_problems_tell(l, s, &s->pick_told, false);
}

/* A Service that is refused keeps what it has. */
static void pick_one(struct lab *l, struct lab_service *s)
{
	struct making m = {.l = l};
	const struct slice_sink to = {on_slice, &m};
	struct selected *pods;
	size_t count;

	if (s->raw != NULL && !s->admitted)
		return;
	if (s->raw == NULL || service_wishes(s->raw)->given_count == 0) {
		lab_probes_drop(l, s->probes);
		s->probes = NULL;
	}
	arena_reset(l->scratch);
	room_give_back(l, s);
	if (s->raw != NULL && service_wishes(s->raw)->given_count != 0) {
		look_at_hosts(l, s);
		lab_given_slices(l, s, &to);
	} else if (s->raw != NULL && s->pick_indexed) {
		pods = pods_of(l, s, l->scratch, &count);
		const size_t fit = room_take(l, s, count);
		if (fit != 0)
			qsort(pods, count, sizeof *pods, by_name);
		count = fit;
		look_at_ports(l, s, pods, count);
		if (service_wishes(s->raw)->all_when_all_fail)
			select_all_when_all_fail(pods, count);
		select_slices(s->raw, &s->families, pods, count, l->scratch, &to);
	}
	names_replace(l, s, &m);
}

static void pick_marked(struct lab *l, uint64_t until_ns)
{
	size_t done = 0;

	while (done < l->pick_count && (done == 0 || until_ns == UINT64_MAX || clock_ns() < until_ns)) {
		struct lab_service *s = l->pick[done++];
		s->pick_dirty = false;
		pick_one(l, s);
	}
	l->pick_count -= done;
	if (l->pick_count != 0)
		memmove(l->pick, l->pick + done, l->pick_count * sizeof *l->pick);
}

void lab_pick_now(struct lab *l, struct lab_service *s)
{
	size_t kept = 0;

	if (!s->pick_dirty)
		return;
	for (size_t i = 0; i < l->pick_count; i++)
		if (l->pick[i] != s)
			l->pick[kept++] = l->pick[i];
	l->pick_count = kept;
	s->pick_dirty = false;
	pick_one(l, s);
}

/* Others gave something back: those that are short are looked at again. */
static void mark_short(struct lab *l)
{
	struct lab_service *s;
	size_t at = 0;

	while ((s = map_next(&l->services, &at)) != NULL)
		if (s->pick_short)
			lab_pick_mark(l, s);
}

void lab_pick_settle(struct lab *l, uint64_t until_ns)
{
	pick_marked(l, until_ns);
	if (l->pick_count != 0)
		return;
	if (l->short_count != 0 && LAB_PICKED_MAX - l->picked > l->short_room) {
		mark_short(l);
		pick_marked(l, until_ns);
	}
	l->short_room = LAB_PICKED_MAX - l->picked;
}

void lab_host_changed(struct lab *l, const char *host)
{
	struct lab_service *s;
	size_t at = 0;

	while ((s = map_next(&l->services, &at)) != NULL)
		if (s->raw != NULL && given_uses(s->raw, host))
			lab_pick_mark(l, s);
}
