/* Any bytes as JSON of an API server: read or refused at an offset inside; never read beyond the end. */
#include <stdlib.h>

#include "watch/decode/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const struct value *v, size_t depth)
{
	if (v->text == NULL || depth > VALUE_DEPTH_MAX)
		abort();
	for (const struct value *e = v->first; e != NULL; e = e->next) {
		if ((v->type == VALUE_MAP) != (e->key != NULL))
			abort();
		walk(e, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(4096);
	size_t at = 0;
	const struct value *v = json_parse((const char *)data, size, arena, &at);

	if (at > size)
		abort();
	if (v != NULL)
		walk(v, 0);
	arena_free(arena);
	return 0;
}
