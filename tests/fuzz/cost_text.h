/*
 * The work for a text: once, and for the same text many times over, each % in it a number then. It must grow with the
 * bytes (cost.h). Include in one file of a fuzz target.
 */
#ifndef TESTS_COST_TEXT_H
#define TESTS_COST_TEXT_H

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "tests/fuzz/cost.h"

struct text {
	const char *bytes;
	size_t length;
};

/* work(a struct text); byte_ns: the most that it may take for a byte, with sanitizers. Aborts above it. */
static void cost_of_text(void (*work)(void *), const uint8_t *data, size_t size, size_t long_bytes, uint64_t byte_ns)
{
	struct text once = {(const char *)data, size};
	struct buf many = {0};

	if (size == 0)
		return;
	work(&once);
	for (unsigned n = 0; many.length_bytes < long_bytes; n++)
		for (size_t i = 0; i < size; i++) {
			if (data[i] == '%')
				buf_printf(&many, "%u", n);
			else
				buf_add(&many, (const char *)&data[i], 1);
		}
	struct text all = {many.data, many.length_bytes};
	const uint64_t limit_ns = COST_FREE_NS + byte_ns * all.length;
	if (cost_of(work, &all, limit_ns) > limit_ns) {
		fprintf(stderr, "more than %u ms for %zu bytes\n", (unsigned)(limit_ns / 1000000), all.length);
		abort();
	}
	buf_fini(&many);
}

#endif
