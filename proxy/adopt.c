#include "proxy/adopt.h"

#include <errno.h>

#include "base/log.h"

static void on_element(void *ctx, const struct element *e)
{
	element_list_add(ctx, e);
}

int adopt_read(struct image *image, struct nft *nft)
{
	element_list_clear(&image->elements);
	int error = nft_table_state(nft, &image->state);
	if (error == 0 && image->state == TABLE_OURS)
		error = nft_dump(nft, on_element, &image->elements);
	if (error == -EBADMSG) { /* elements that we never write */
		image->state = TABLE_OTHER;
		error = 0;
	}
	return error;
}

static void log_operation(const char *verb, const struct element *e)
{
	char text[ELEMENT_TEXT_BYTES];

	if (log_enabled(LOG_DEBUG))
		log_debug("kernel: %s element %s", verb, element_format(e, text));
}

static void on_del(void *ctx, const struct element *e)
{
	log_operation("delete", e);
	nft_tx_del(ctx, e);
}

static void on_add(void *ctx, const struct element *e)
{
	log_operation("add", e);
	nft_tx_add(ctx, e);
}

static bool on_count(void *ctx, struct element *e)
{
	return nft_get(ctx, e) == 0;
}

struct element_ops adopt_transaction(struct nft *nft)
{
	return (struct element_ops){.ctx = nft, .del = on_del, .add = on_add, .count = on_count};
}

size_t adopt_diff(struct image *image, struct nft *nft)
{
	const struct element_ops ops = adopt_transaction(nft);

	if (image->state != TABLE_OURS)
		return image->want.count;
	elements_reconcile(&image->want, &image->elements, &ops);
	return nft_tx_count(nft);
}

int adopt_commit(const struct image *image, struct nft *nft)
{
	if (image->state != TABLE_OURS)
		return nft_load(nft, image->want.items, image->want.count);
	return nft_tx_commit(nft);
}

void adopt_fini(struct image *image)
{
	element_list_fini(&image->elements);
	element_list_fini(&image->want);
	*image = (struct image){0};
}
