/* The process that runs exec probes: made at the start, and what status says of it. */
#include "base/log.h"
#include "daemon/source.h"

void source_fork(struct source *s)
{
	if (s->config->allow_exec_probes)
		exec_helper_start(&s->exec);
}

/* NULL: all is well. */
static const char *problem(const struct source *s)
{
	if (s->exec.problem != NULL)
		return s->exec.problem;
	return atomic_load(&s->exec.gone) ? "the process that runs them has ended; a restart makes another one" : NULL;
}

void source_exec_json(const struct source *s, struct json *j)
{
	const char *wrong = problem(s);

	if (!s->config->allow_exec_probes)
		return;
	json_object(j, "execProbes");
	json_string(j, "user", EXEC_USER);
	json_number(j, "pid", s->exec.pid);
	json_bool(j, "isolated", s->exec.isolates);
	json_number(j, "running", atomic_load(&s->exec.running));
	json_string(j, "problem", wrong != NULL ? wrong : "");
	json_end(j);
}

void source_exec_text(const struct source *s, struct buf *out)
{
	const char *wrong = problem(s);

	if (!s->config->allow_exec_probes)
		return;
	buf_puts(out, "exec     ");
	if (wrong != NULL)
		buf_printf(out, "exec probes cannot be made: %s\n", wrong);
	else
		buf_printf(out, "exec probes run as %s by process %d%s, %u at present\n", EXEC_USER, (int)s->exec.pid,
			   s->exec.isolates ? "" : ", without namespaces", atomic_load(&s->exec.running));
}
