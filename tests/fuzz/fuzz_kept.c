/* Any bytes as kept allocations: read or refused, and whatever is read is written and read as the same. */
#include <stdlib.h>
#include <string.h>

#include "watch/lab/kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct round {
	struct buf text;
	size_t count;
};

static void write_again(void *ctx, const struct kept_service *s)
{
	struct round *r = ctx;

	kept_add(&r->text, s);
	r->count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct round first = {0}, second = {0};

	kept_begin(&first.text);
	kept_begin(&second.text);
	kept_read((const char *)data, size, write_again, &first);
	kept_end(&first.text);
	if (kept_read(first.text.data, first.text.length_bytes, write_again, &second) != NULL)
		abort();
	kept_end(&second.text);
	if (first.count != second.count)
		abort();
	buf_fini(&first.text);
	buf_fini(&second.text);
	return 0;
}
