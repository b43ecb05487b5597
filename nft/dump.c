/* Reading the elements of our table back from the kernel. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attrs.h"
#include "nft/codec.h"
#include "nft/element_list.h"
#include "nft/message.h"
#include "nft/table.h"
#include "nft/names.h"
#include "netlink/netlink.h"
#include "nft/sets.h"
#include "nft/dump_by_key.h"

struct reading {
	enum set_id set;
	int family;
	struct element_list found;
	size_t unknown; /* elements in a shape that we never write */
};

#define RESIZE_PAUSE_NS 2000000
#define RESIZE_QUICK 1024u  /* elements: fewer are moved before the next read */
#define RESIZE_ATTEMPTS 100 /* resizing takes milliseconds; what stays missing is added again, and is there */

#define EDGE_END 1u /* in `slot` of a prefix's second half, while reading */

static void forget(void *ctx)
{
	struct reading *r = ctx;

	r->found.count = r->unknown = 0;
}

static int read_message(const struct nlmsghdr *nlh, void *ctx)
{
	struct attrs elems = codec_elements(nlh);
	struct reading *r = ctx;
	const struct nlattr *elem;
	struct element e;
	bool interval_end;

	while ((elem = attrs_next(&elems)) != NULL) {
		if (!codec_get(elem, r->set, r->family, &e, &interval_end)) {
			r->unknown++;
			continue;
		}
		if (interval_end)
			e.slot = EDGE_END;
		element_list_add(&r->found, &e);
	}
	return MNL_CB_OK;
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
	struct element_list *l = &r->found;
	size_t joined = 0;

	if (l->count != 0)
		qsort(l->items, l->count, sizeof *l->items, compare_edges);
	for (size_t i = 0; i < l->count; i++) {
		struct element e = l->items[i];
		bool has_end = i + 1 < l->count && l->items[i + 1].slot == EDGE_END;

		if (e.slot == EDGE_END)
			continue; /* consumed, or the nft program's mark of the empty range before the first */
		if (codec_join(&e, has_end ? &l->items[i + 1].range.addr : NULL))
			l->items[joined++] = e;
		else
			r->unknown++;
	}
	l->count = joined;
}

/* The kernel may show an element twice when its hash table grew meanwhile. */
static void drop_twins(struct reading *r)
{
	element_list_sort(&r->found);
	element_list_unique(&r->found);
}

static int read_once(struct nft *nft, struct reading *r, const char *name)
{
	const struct sets_shape *shape = sets_shape(r->set);
	const struct session_dump dump = {.type = NFT_MSG_GETSETELEM,
					  .table = nft->table,
					  .set = name,
					  .each = read_message,
					  .restart = forget,
					  .ctx = r};
	int error;

	forget(r);
	error = session_dump(&nft->session, &dump);
	if (error != 0)
		return error;
	if (shape->range && !shape->daddr)
		join_edges(r);
	else
		drop_twins(r);
	return 0;
}

/* NFTA_SET_COUNT, which the kernel tells since 6.16: how many elements the set has. */
#define SET_COUNT_ATTR 20

static int read_count(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *attr = attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), SET_COUNT_ATTR);
	uint32_t *count = ctx;

	if (!attrs_number(attr, count, sizeof *count)) {
		errno = EOPNOTSUPP;
		return MNL_CB_ERROR;
	}
	*count = ntohl(*count);
	return MNL_CB_STOP;
}

static int set_count(struct nft *nft, const char *name, uint32_t *count)
{
	char buffer[MESSAGE_QUESTION_BYTES] __attribute__((aligned(8)));
	struct netlink_list question = {.socket = nft->session.socket, .each = read_count, .ctx = count};

	question.request = message_question(buffer, NFT_MSG_GETSET, nft->table, name);
	return netlink_list(&question);
}

/*
 * A hash table that is just being resized shows some elements twice and others not at all, and the kernel does not
 * call that an interruption. So count; where the kernel does not tell the number, it has to show as many as `before`,
 * the last time. Sets that the packet path or time changes have no right number.
 */
static bool is_whole(struct nft *nft, const struct reading *r, const char *name, size_t before)
{
	const struct sets_shape *shape = sets_shape(r->set);
	uint32_t count;

	if (shape->range || shape->packet_path ||
	    r->unknown != 0) /* one that we never write ends the reading, whatever is missing */
		return true;
	if (set_count(nft, name, &count) == 0)
		return count == r->found.count;
	return r->found.count < RESIZE_QUICK || r->found.count == before;
}

static int read_set(struct nft *nft, struct reading *r)
{
	const struct timespec pause = {.tv_nsec = RESIZE_PAUSE_NS};
	char name[NAME_BYTES];
	int error = read_once(nft, r, names_set(r->set, r->family, name));
	size_t before = 0;

	for (int i = 0; i < RESIZE_ATTEMPTS && error == 0 && !is_whole(nft, r, name, before); i++) {
		before = r->found.count;
		nanosleep(&pause, NULL);
		error = read_once(nft, r, name);
	}
	if (error == 0 && r->unknown > 0)
		return session_fail(&nft->session, EBADMSG, "table %s: %s has %zu elements that are not ours",
				    nft->table, name, r->unknown);
	return error;
}

static int dump_family(struct nft *nft, enum set_id set, int family, nft_each_fn *each, void *ctx)
{
	struct reading r = {.set = set, .family = family};
	int error = read_set(nft, &r);

	if (error == 0)
		for (size_t i = 0; i < r.found.count; i++)
			each(ctx, &r.found.items[i]);
	element_list_fini(&r.found);
	return error;
}

int nft_dump_set(struct nft *nft, enum set_id set, nft_each_fn *each, void *ctx)
{
	int error = dump_family(nft, set, AF_INET, each, ctx);

	return error == 0 ? dump_family(nft, set, AF_INET6, each, ctx) : error;
}

static int read_keys(const struct nlmsghdr *nlh, void *ctx)
{
	struct attrs elems = codec_elements(nlh);
	struct reading *r = ctx;
	const struct nlattr *elem;
	struct element e;

	while ((elem = attrs_next(&elems)) != NULL)
		if (codec_get_key(elem, r->set, r->family, &e))
			element_list_add(&r->found, &e);
	return MNL_CB_OK;
}

void nft_dump_frontends(struct nft *nft, nft_each_fn *each, void *ctx)
{
	static const int families[] = {AF_INET, AF_INET6};

	for (size_t f = 0; f < 2; f++) {
		struct reading r = {.set = SET_DISPATCH, .family = families[f]};
		char name[NAME_BYTES];
		const struct session_dump dump = {.type = NFT_MSG_GETSETELEM,
						  .table = nft->table,
						  .set = names_set(r.set, r.family, name),
						  .each = read_keys,
						  .restart = forget,
						  .ctx = &r};
		if (session_dump(&nft->session, &dump) == 0)
			for (size_t i = 0; i < r.found.count; i++)
				each(ctx, &r.found.items[i]);
		element_list_fini(&r.found);
	}
}

static int read_any(const struct nlmsghdr *nlh, void *ctx)
{
	(void)nlh, (void)ctx;
	return MNL_CB_STOP;
}

/* For sets that are not dumped. An element without a key matches whatever no other does; we never write one. */
static int refuse_catchall(struct nft *nft, enum set_id set, int family)
{
	char buffer[MESSAGE_QUESTION_BYTES] __attribute__((aligned(8)));
	struct netlink_list question = {.socket = nft->session.socket, .each = read_any};
	struct nlattr *list, *elem;
	char name[NAME_BYTES];

	question.request = message_question(buffer, NFT_MSG_GETSETELEM, nft->table, names_set(set, family, name));
	list = mnl_attr_nest_start(question.request, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = mnl_attr_nest_start(question.request, NFTA_LIST_ELEM);
	mnl_attr_put_u32(question.request, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_CATCHALL));
	mnl_attr_nest_end(question.request, elem);
	mnl_attr_nest_end(question.request, list);
	if (netlink_list(&question) == 0)
		return session_fail(&nft->session, EBADMSG, "table %s: %s has a catch-all element", nft->table, name);
	return 0;
}

struct dump {
	uint32_t sets;
	nft_each_fn *each;
	void *ctx;
	struct slots_frontends frontends;
};

static void on_element(void *ctx, const struct element *e)
{
	struct dump *d = ctx;

	slots_note(&d->frontends, e);
	if (d->sets >> e->set & 1)
		d->each(d->ctx, e);
}

#define ENDPOINT_SETS (1u << SET_ENDPOINTS | 1u << SET_INTERNAL_ENDPOINTS)
#define SLOT_VERDICT_SETS (1u << SET_DISPATCH | 1u << SET_SOURCE_RANGES | 1u << SET_LOCAL | 1u << SET_INTERNAL)

/* The verdict sets come before the endpoint maps in enum set_id, so these can be asked for by key. */
int nft_dump(struct nft *nft, uint32_t sets, nft_each_fn *each, void *ctx)
{
	static const int families[] = {AF_INET, AF_INET6};
	const uint32_t needed = sets | ((sets & ENDPOINT_SETS) != 0 ? SLOT_VERDICT_SETS : 0);
	struct dump d = {.sets = sets, .each = each, .ctx = ctx};
	int error = 0;

	for (int set = 0; set < SET_COUNT && error == 0; set++)
		for (int f = 0; f < 2 && error == 0 && (needed >> set & 1); f++) {
			if (set == SET_AFFINITY ||
			    ((ENDPOINT_SETS >> set & 1) &&
			     slots_read(nft, &d.frontends, (enum set_id)set, families[f], each, ctx)))
				error = refuse_catchall(nft, (enum set_id)set, families[f]);
			else
				error = dump_family(nft, (enum set_id)set, families[f], on_element, &d);
		}
	slots_fini(&d.frontends);
	return error;
}

/* ---- single questions ---- */

static int read_one(const struct nlmsghdr *nlh, void *ctx)
{
	struct attrs elems = codec_elements(nlh);
	const struct nlattr *elem = attrs_next(&elems);
	struct element *e = ctx, found;
	bool interval_end;

	if (elem == NULL || !codec_get(elem, (enum set_id)e->set, element_family(e), &found, &interval_end)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	*e = found;
	return MNL_CB_STOP;
}

int nft_get(struct nft *nft, struct element *e)
{
	char buffer[MESSAGE_QUESTION_BYTES + CODEC_ELEMENT_MAX_BYTES] __attribute__((aligned(8)));
	char set[NAME_BYTES], text[ELEMENT_TEXT_BYTES];
	struct netlink_list question = {.socket = nft->session.socket, .each = read_one, .ctx = e};
	struct nlattr *list;
	int error;

	assert(sets_shape(e->set)->daddr && !sets_shape(e->set)->range);
	question.request = message_question(buffer, NFT_MSG_GETSETELEM, nft->table,
					    names_set((enum set_id)e->set, element_family(e), set));
	list = mnl_attr_nest_start(question.request, NFTA_SET_ELEM_LIST_ELEMENTS);
	codec_put(question.request, e, false, false);
	mnl_attr_nest_end(question.request, list);
	error = netlink_list(&question);
	if (error < 0)
		return session_fail(&nft->session, -error, "table %s: reading %s", nft->table, element_format(e, text));
	return 0;
}

int nft_count(struct nft *nft, enum set_id set, int family, uint32_t *count)
{
	char name[NAME_BYTES];
	int error = set_count(nft, names_set(set, family, name), count);

	if (error < 0)
		return session_fail(&nft->session, -error, "table %s: asking about %s", nft->table, name);
	return 0;
}
