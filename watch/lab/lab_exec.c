/* Exec probes where they are not allowed: a line, and they count as not there. */
#include <stdio.h>

#include "watch/lab/lab_private.h"

static bool has_exec(const struct probe_set *set)
{
	for (unsigned i = 0; i < PROBE_ROLES; i++)
		if (set->of[i].action == PROBE_EXEC)
			return true;
	return false;
}

bool lab_exec_limit(const struct lab *l, struct probe_set *set)
{
	bool any = false;

	for (unsigned i = 0; i < PROBE_ROLES; i++) {
		if (set->of[i].action == PROBE_EXEC && !l->config.exec_probes)
			set->of[i] = (struct probe_object){.action = PROBE_NONE};
		any = any || set->of[i].action != PROBE_NONE;
	}
	return any;
}

void lab_exec_look_at_pod(const struct lab *l, struct lab_pod *pod)
{
	const struct pod_details *d = &pod->raw->details;
	const struct object *o = &pod->raw->object;
	const char *container = NULL;
	char reason[400];

	for (size_t i = 0; i < d->probe_count && container == NULL && !l->config.exec_probes; i++)
		if (has_exec(&d->probes[i]))
			container = d->probes[i].container;
	if (container != NULL && !pod->exec_told) {
		snprintf(reason, sizeof reason,
			 "exec probes of container %.253s are not run without --allow-exec-probes: it counts as if it "
			 "had none",
			 container);
		l->config.problem(l->config.ctx, o->kind,
				  &(struct decode_problem){.kind = object_kind_name(o->kind),
							   .ns = o->ns,
							   .name = o->name,
							   .field = "spec.containers",
							   .reason = reason});
	}
	pod->exec_told = container != NULL;
}

void lab_exec_look_at_service(struct lab *l, const struct lab_service *s)
{
	const struct service_wishes *w = service_wishes(s->raw);

	if (w->probe_count != 0 && has_exec(w->probe) && !l->config.exec_probes)
		lab_problems_add(l, "metadata.annotations.fairlead/probe",
				 "exec is not run without --allow-exec-probes: the endpoints count as not probed");
}
