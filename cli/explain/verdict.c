/* Puts the findings together. */
#include "cli/explain/verdict.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define AWAY_MS 30000

void findings_add(struct findings *out, const char *rule, enum severity severity, const char *format, ...)
{
	struct buf escaped = {0};
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (out->count == FINDINGS_MAX)
		return;
	buf_add_escaped(&escaped, text, strlen(text), false);
	out->items[out->count++] = (struct finding){rule, severity, arena_strdup(out->arena, escaped.data)};
	buf_fini(&escaped);
}

bool findings_has_fault(const struct findings *out)
{
	for (size_t i = 0; i < out->count; i++)
		if (out->items[i].severity == SEVERITY_FAULT)
			return true;
	return false;
}

/* What is not seen cannot be judged: nothing else explains why an object is missing or old. */
static void source_away(const struct facts_daemon *d, struct findings *out)
{
	long long s = d->heard_ms_ago / 1000;

	if (!d->complete)
		findings_add(out, "not-complete", SEVERITY_FAULT,
			     "the daemon has not heard everything from %s yet%s%s: it programs nothing until it has",
			     d->server != NULL ? d->server : "its manifests", d->problem[0] != '\0' ? ": " : "",
			     d->problem);
	else if (d->server != NULL && (!d->reachable || d->heard_ms_ago > AWAY_MS * 10))
		findings_add(out, "api-server-away", SEVERITY_RISK,
			     "the API server %s is unreachable for %lldm%llds: what is shown may be old%s%s", d->server,
			     s / 60, s % 60, d->problem[0] != '\0' ? "; " : "", d->problem);
}

static void faults_first(struct findings *out)
{
	struct finding sorted[FINDINGS_MAX];
	size_t n = 0;

	for (int severity = SEVERITY_FAULT; severity >= SEVERITY_RISK; severity--)
		for (size_t i = 0; i < out->count; i++)
			if ((int)out->items[i].severity == severity)
				sorted[n++] = out->items[i];
	memcpy(out->items, sorted, n * sizeof *sorted);
}

void verdict(const struct facts *f, struct findings *out)
{
	if (!f->daemon.complete)
		source_away(&f->daemon, out);
	verdict_names(f, out);
	verdict_address(f, out);
	verdict_endpoints(f, out);
	verdict_kernel(f, out);
	if (f->daemon.complete)
		source_away(&f->daemon, out);
	faults_first(out);
}
