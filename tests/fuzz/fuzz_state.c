/*
 * Any bytes as a checkpoint file, and (behind its checksum) as one packed object: refused, or an object that packs
 * and unpacks to itself. No object without a name that an API server takes comes out of the file.
 */
#include <stdlib.h>

#include "watch/decode/decode_pack.h"
#include "watch/checkpoint_file.h"
#include "watch/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_upsert(void *ctx, struct object *o)
{
	(void)ctx;
	if (identity_wrong(o) != NULL)
		abort();
	object_free(o);
}

static void on_list(void *ctx, enum object_kind kind)
{
	(void)ctx;
	(void)kind;
}

static void on_done(void *ctx)
{
	(void)ctx;
}

static void one_object(const uint8_t *data, size_t size)
{
	struct object *o = pack_read(data, size), *again;
	struct pack first = {0}, second = {0};

	if (o == NULL)
		return;
	pack_object(&first, o);
	again = pack_read(first.bytes.data, first.bytes.length_bytes);
	if (again == NULL)
		abort();
	pack_object(&second, again);
	if (first.bytes.length_bytes != second.bytes.length_bytes)
		abort();
	object_free(again);
	object_free(o);
	pack_fini(&first);
	pack_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sink sink = {.upsert = on_upsert,
				  .list_begin = on_list,
				  .list_end = on_list,
				  .complete = on_done,
				  .turn_end = on_done};
	struct checkpoint_file_info info;

	checkpoint_file_read(data, size, "s", &sink, &info);
	one_object(data, size);
	return 0;
}
