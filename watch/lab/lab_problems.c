/* What is wrong with one Service: told once, until it changes. */
#include <string.h>

#include "base/hash.h"
#include "watch/lab/lab_private.h"

void lab_problems_add(struct lab *l, const char *field, const char *reason)
{
	buf_printf(&l->problems, "%s\n%s\n", field, reason);
}

void lab_problems_tell(struct lab *l, const struct lab_service *s, uint64_t *told, bool refused)
{
	const uint64_t hash = l->problems.length_bytes != 0 ? hash_text(l->problems.data, refused) : 0;
	char *rest = l->problems.data;

	while (hash != 0 && hash != *told && rest[0] != '\0') {
		const char *field = strsep(&rest, "\n"), *reason = strsep(&rest, "\n");
		l->config.problem(l->config.ctx, OBJECT_SERVICE,
				  &(struct decode_problem){.kind = "Service",
							   .ns = s->ns,
							   .name = s->name,
							   .field = field,
							   .reason = reason,
							   .refused = refused});
	}
	*told = hash;
	buf_clear(&l->problems);
}
