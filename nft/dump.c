/* Reading the elements of our table back from the kernel. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/mem.h"
#include "nft/attrs.h"
#include "nft/codec.h"
#include "nft/dump.h"
#include "nft/kernel.h"
#include "nft/names.h"
#include "nft/netlink.h"
#include "nft/sets.h"

struct reading {
	enum set_id set;
	int family;
	struct element *list;
	size_t count, room;
	size_t foreign; /* elements in a shape that we never write */
};

#define EDGE_END 1u /* in `slot` of a prefix's second half, while reading */

static void forget(void *ctx)
{
	struct reading *r = ctx;

	r->count = r->foreign = 0;
}

static void keep(struct reading *r, const struct element *e)
{
	if (r->count == r->room) {
		r->room = r->room * 2 + 64;
		r->list = mem_resize(r->list, r->room * sizeof *r->list);
	}
	r->list[r->count++] = *e;
}

static int read_message(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *list = attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), NFTA_SET_ELEM_LIST_ELEMENTS);
	struct attrs elems = list != NULL ? attrs_in(list) : (struct attrs){0};
	struct reading *r = ctx;
	const struct nlattr *elem;
	struct element e;
	bool interval_end;

	while ((elem = attrs_next(&elems)) != NULL) {
		if (!codec_get(elem, r->set, r->family, &e, &interval_end)) {
			r->foreign++;
			continue;
		}
		if (interval_end)
			e.slot = EDGE_END;
		keep(r, &e);
	}
	return MNL_CB_OK;
}

static int compare_elements(const void *a, const void *b)
{
	return element_compare(a, b);
}

/* By address; where one range ends and the next begins, the end first. */
static int compare_edges(const void *a, const void *b)
{
	const struct element *x = a, *y = b;
	int order = addr_compare(&x->range.addr, &y->range.addr);

	return order != 0 ? order : (int)y->slot - (int)x->slot;
}

/* Joins the two halves of each prefix, in place. */
static void join_edges(struct reading *r)
{
	size_t joined = 0;

	if (r->count != 0)
		qsort(r->list, r->count, sizeof *r->list, compare_edges);
	for (size_t i = 0; i < r->count; i++) {
		struct element e = r->list[i];
		bool has_end = i + 1 < r->count && r->list[i + 1].slot == EDGE_END;

		if (e.slot == EDGE_END)
			continue; /* consumed, or the nft program's mark of the empty range before the first */
		if (codec_join(&e, has_end ? &r->list[i + 1].range.addr : NULL))
			r->list[joined++] = e;
		else
			r->foreign++;
	}
	r->count = joined;
}

/* The kernel may show an element twice when its hash table grew meanwhile. */
static void drop_twins(struct reading *r)
{
	size_t unique = 0;

	if (r->count != 0)
		qsort(r->list, r->count, sizeof *r->list, compare_elements);
	for (size_t i = 0; i < r->count; i++)
		if (unique == 0 || !element_same_key(&r->list[unique - 1], &r->list[i]))
			r->list[unique++] = r->list[i];
	r->count = unique;
}

static int read_set(struct nft *nft, struct reading *r)
{
	const struct sets_shape *shape = sets_shape(r->set);
	char name[NAME_BYTES];
	struct kernel_dump dump = {.type = NFT_MSG_GETSETELEM,
				   .table = nft->table,
				   .set = names_set(r->set, r->family, name),
				   .each = read_message,
				   .restart = forget,
				   .ctx = r};
	int error = kernel_dump(nft, &dump);

	if (error != 0)
		return error;
	if (shape->range && !shape->daddr)
		join_edges(r);
	else
		drop_twins(r);
	if (r->foreign > 0)
		return kernel_fail(nft, EBADMSG, "table %s: %s has %zu elements that are not ours", nft->table, name,
				   r->foreign);
	return 0;
}

int dump_set(struct nft *nft, enum set_id set, int family, nft_each_fn *each, void *ctx)
{
	struct reading r = {.set = set, .family = family};
	int error = read_set(nft, &r);

	if (error == 0)
		for (size_t i = 0; i < r.count; i++)
			each(ctx, &r.list[i]);
	free(r.list);
	return error;
}

int nft_dump_set(struct nft *nft, enum set_id set, nft_each_fn *each, void *ctx)
{
	int error = dump_set(nft, set, AF_INET, each, ctx);

	return error == 0 ? dump_set(nft, set, AF_INET6, each, ctx) : error;
}

int nft_dump(struct nft *nft, bool with_affinity, nft_each_fn *each, void *ctx)
{
	int error = 0;

	for (int set = 0; set < SET_COUNT && error == 0; set++)
		if (set != SET_AFFINITY || with_affinity)
			error = nft_dump_set(nft, (enum set_id)set, each, ctx);
	return error;
}

/* ---- one element ---- */

static int read_one(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *list = attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), NFTA_SET_ELEM_LIST_ELEMENTS);
	struct attrs elems = list != NULL ? attrs_in(list) : (struct attrs){0};
	const struct nlattr *elem = attrs_next(&elems);
	struct element *e = ctx;
	bool interval_end;

	if (elem != NULL && codec_get(elem, (enum set_id)e->set, element_family(e), e, &interval_end))
		return MNL_CB_STOP;
	errno = EBADMSG;
	return MNL_CB_ERROR;
}

int nft_get(struct nft *nft, struct element *e)
{
	char buffer[512 + CODEC_ELEMENT_MAX_BYTES] __attribute__((aligned(8))), set[NAME_BYTES],
		text[ELEMENT_TEXT_BYTES];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	const struct netlink_list question = {.socket = nft->socket, .request = nlh, .each = read_one, .ctx = e};
	struct nfgenmsg *nfg;
	int error;

	assert(sets_shape(e->set)->daddr && !sets_shape(e->set)->range);
	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);
	nfg->nfgen_family = NFPROTO_INET;
	nfg->version = NFNETLINK_V0;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, nft->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, names_set((enum set_id)e->set, element_family(e), set));
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	codec_put(nlh, e, false, false);
	mnl_attr_nest_end(nlh, list);
	error = netlink_list(&question);
	if (error < 0)
		return kernel_fail(nft, -error, "table %s: reading %s", nft->table, element_format(e, text));
	return 0;
}
