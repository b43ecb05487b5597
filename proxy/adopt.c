/* Reads the kernel's table back and sends the differences. */
#include "proxy/adopt.h"

#include <errno.h>

#include "base/log.h"

static void on_element(void *ctx, const struct element *e)
{
	element_list_add(ctx, e);
}

int adopt_read(struct image *image, struct nft *nft, const struct table_parts *parts)
{
	int error = 0;

	element_list_clear(&image->elements);
	image->state = TABLE_OURS;
	image->sets = parts->sets;
	if (parts->rules)
		error = nft_table_state(nft, &image->state);
	if (error == 0 && image->state == TABLE_OURS)
		error = nft_dump(nft, image->sets, on_element, &image->elements);
	if (error == -EBADMSG) { /* elements that we never write */
		image->state = TABLE_OTHER;
		error = 0;
	}
	if (image->state != TABLE_OURS)
		image->sets = TABLE_SETS_ALL;
	return error;
}

static void log_operation(const char *verb, const struct element *e)
{
	char text[ELEMENT_TEXT_BYTES];

	if (log_enabled(LOG_DEBUG))
		log_debug("kernel: %s element %s", verb, element_format(e, text));
}

void adopt_del(void *ctx, const struct element *e)
{
	log_operation("delete", e);
	nft_tx_del(ctx, e);
}

void adopt_add(void *ctx, const struct element *e)
{
	log_operation("add", e);
	nft_tx_add(ctx, e);
}

void adopt_diff(struct image *image, struct nft *nft)
{
	const struct element_ops ops = {.ctx = nft, .del = adopt_del, .add = adopt_add};

	if (image->state == TABLE_OURS)
		elements_reconcile(&image->want, &image->elements, &ops);
}

size_t adopt_operations(const struct image *image, const struct nft *nft)
{
	return image->state == TABLE_OURS ? nft_tx_count(nft) : image->want.count;
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
