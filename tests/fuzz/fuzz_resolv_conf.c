/*
 * Any text as a resolv.conf: read, cut to kubelet's limits, written as a container runtime does, and read again as the
 * same. The text comes once and many times over, each % in it a number then: the work grows with the bytes (cost.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/resolver/resolv_conf.h"
#include "tests/fuzz/cost_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONG_BYTES ((size_t)64 << 10)
#define BYTE_NS 400 /* with sanitizers; 10 without */

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* "a.." keeps one of its dots, as in kubelet, and loses it when it is read again. */
static bool ends_in_dots(const struct text_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i][strlen(l->items[i]) - 1] == '.')
			return true;
	return false;
}

static bool same(const struct text_list *a, const struct text_list *b)
{
	bool all = a->count == b->count;

	for (size_t i = 0; all && i < a->count; i++)
		all = strcmp(a->items[i], b->items[i]) == 0;
	return all;
}

static void read_and_write(void *ctx)
{
	const struct text *text = ctx;
	struct arena *arena = arena_new(4096);
	struct resolv_conf first, again;
	struct buf out = {0}, warnings = {0};
	const char *error = NULL;

	if (resolv_conf_parse(arena, text->bytes, text->length, &first, &error)) {
		resolv_conf_limit(&first, &warnings);
		must(first.nameservers.count <= RESOLV_NAMESERVERS_MAX && first.searches.count <= RESOLV_SEARCHES_MAX);
		resolv_conf_format(&first, &out);
		must(resolv_conf_parse(arena, out.data != NULL ? out.data : "", out.length_bytes, &again, &error));
		must(ends_in_dots(&first.searches) || same(&first.searches, &again.searches));
		must(same(&first.nameservers, &again.nameservers) && same(&first.options, &again.options));
	} else {
		must(error != NULL && strchr(error, '\n') == NULL);
	}
	buf_fini(&out);
	buf_fini(&warnings);
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cost_of_text(read_and_write, data, size, LONG_BYTES, BYTE_NS);
	return 0;
}
