/*
 * The work for a text: once, and for the same text many times over, each % in it a number then. It must grow with the
 * bytes (cost.h). Include in one file of a fuzz target.
 */
#ifndef TESTS_COST_TEXT_H
#define TESTS_COST_TEXT_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tests/fuzz/cost.h"

#define TEXT_PERIOD 256

struct text {
	const char *bytes;
	size_t length;
};

static void number_put(struct buf *out, unsigned n)
{
	char digits[10];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	buf_add(out, digits + at, sizeof digits - at);
}

/*
 * A text again and again up to so many bytes, each % in it the number of its repetition modulo `period`. By pieces,
 * since a call for each byte costs more than the work that is measured.
 */
static inline void text_repeat(struct buf *out, const struct text *text, size_t long_bytes, unsigned period)
{
	const char *end = text->bytes + text->length, *sign;
	struct buf unit = {0};

	for (unsigned n = 0; n < period && unit.length_bytes < long_bytes; n++) {
		const char *at = text->bytes;
		for (; (sign = memchr(at, '%', (size_t)(end - at))) != NULL; at = sign + 1) {
			buf_add(&unit, at, (size_t)(sign - at));
			number_put(&unit, n);
		}
		buf_add(&unit, at, (size_t)(end - at));
	}
	while (out->length_bytes < long_bytes)
		buf_add(out, unit.data, unit.length_bytes);
	buf_fini(&unit);
}

/* work(a text) within its limit of processor time, or abort. */
static inline void cost_check(void (*work)(void *), void *text, size_t length_bytes, uint64_t byte_ns)
{
	const uint64_t limit_ns = COST_FREE_NS + byte_ns * length_bytes;

	if (cost_of(work, text, limit_ns) > limit_ns) {
		fprintf(stderr, "more than %u ms for %zu bytes\n", (unsigned)(limit_ns / 1000000), length_bytes);
		abort();
	}
}

/* work(a struct text); byte_ns: the most that it may take for a byte, with sanitizers. Aborts above it. */
static inline void cost_of_text(void (*work)(void *), const uint8_t *data, size_t size, size_t long_bytes,
				uint64_t byte_ns)
{
	struct text once = {(const char *)data, size};
	struct buf many = {0};

	if (size == 0)
		return;
	work(&once);
	text_repeat(&many, &once, long_bytes, memchr(data, '%', size) != NULL ? UINT_MAX : TEXT_PERIOD);
	struct text all = {many.data, many.length_bytes};
	cost_check(work, &all, all.length, byte_ns);
	buf_fini(&many);
}

#endif
