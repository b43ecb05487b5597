/* Deployment, StatefulSet, DaemonSet and Job: only which pods they would make. */
#include "watch/decode/decode_field.h"

static bool labels_read(struct decoder *d, const struct place *labels, struct workload_object *w)
{
	w->labels = field_labels(d, labels, &w->label_count);
	return w->label_count != 0;
}

static void decode_workload(struct decoder *d, const struct place *root, enum object_kind kind)
{
	struct workload_object w = {.object = {.kind = kind}};
	struct place spec = place_key(root, "spec"), replicas = place_key(&spec, "replicas");
	struct place selector = place_key(&spec, "selector"), labels = place_key(&selector, "matchLabels");
	struct place template = place_key(&spec, "template"), metadata = place_key(&template, "metadata");
	struct place pod_labels = place_key(&metadata, "labels");
	static const char job_label[] = "batch.kubernetes.io/job-name";

	d->typed = false; /* the schema ends at spec */
	w.none = field_integer(d, &replicas, 0, INT32_MAX, 1) == 0;
	if (!labels_read(d, &labels, &w) && !labels_read(d, &pod_labels, &w)) {
		struct label_object *own = arena_alloc(d->scratch, sizeof *own);
		*own = (struct label_object){job_label, d->name};
		w.labels = own;
		w.label_count = kind == OBJECT_JOB;
	}
	decode_emit(d, &w.object, root->v->line, 0);
}

void decode_deployment(struct decoder *d, const struct place *root)
{
	decode_workload(d, root, OBJECT_DEPLOYMENT);
}

void decode_stateful_set(struct decoder *d, const struct place *root)
{
	decode_workload(d, root, OBJECT_STATEFUL_SET);
}

void decode_daemon_set(struct decoder *d, const struct place *root)
{
	decode_workload(d, root, OBJECT_DAEMON_SET);
}

void decode_job(struct decoder *d, const struct place *root)
{
	decode_workload(d, root, OBJECT_JOB);
}
