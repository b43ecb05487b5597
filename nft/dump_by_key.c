/* Reads large endpoint maps by key. */
#include "nft/dump_by_key.h"

#include <errno.h>
#include <stdlib.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/mem.h"
#include "netlink/attrs.h"
#include "nft/codec.h"
#include "nft/message.h"
#include "nft/names.h"
#include "netlink/netlink.h"

#define SLOTS_AT_ONCE 32u /* answers of one question: they must fit into the socket's receive buffer */

struct reading {
	struct nft *nft;
	enum set_id set;
	int family;
	const char *name;
	struct element_list found;
};

/* Whatever its verdict: one that another program changed says nothing about the slots. */
void slots_note(struct slots_frontends *f, const struct element *e)
{
	if (e->verdict.kind == VERDICT_BY_SOURCE)
		return; /* another set has it, too */
	if (e->set == SET_INTERNAL)
		element_list_add(&f->of[1], e);
	else if (e->set == SET_DISPATCH || e->set == SET_SOURCE_RANGES || e->set == SET_LOCAL)
		element_list_add(&f->of[0], e);
}

void slots_fini(struct slots_frontends *f)
{
	element_list_fini(&f->of[0]);
	element_list_fini(&f->of[1]);
}

static int on_answer(const struct nlmsghdr *nlh, void *ctx)
{
	struct attrs elems = codec_elements(nlh);
	const struct nlattr *elem;
	struct reading *r = ctx;
	struct element e;
	bool interval_end;

	while ((elem = attrs_next(&elems)) != NULL) {
		if (!codec_get(elem, r->set, r->family, &e, &interval_end)) {
			errno = EBADMSG;
			return MNL_CB_ERROR;
		}
		element_list_add(&r->found, &e);
	}
	return MNL_CB_OK;
}

/* Slots first … first + count - 1. -ENOENT: the answers so far were the last; later slots are empty. */
static int ask(struct reading *r, const struct element *frontend, uint32_t first, uint32_t count)
{
	static char room[MESSAGE_QUESTION_BYTES + SLOTS_AT_ONCE * CODEC_ELEMENT_MAX_BYTES] __attribute__((aligned(8)));
	struct element key = {
		.set = (uint8_t)r->set, .daddr = frontend->daddr, .proto = frontend->proto, .port = frontend->port};
	struct netlink_list question = {.socket = r->nft->session.socket, .each = on_answer, .ctx = r};

	question.request = message_question(room, NFT_MSG_GETSETELEM, r->nft->table, r->name);
	question.request->nlmsg_flags |= NLM_F_ACK;
	struct nlattr *list = mnl_attr_nest_start(question.request, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (uint32_t i = 0; i < count; i++) {
		key.slot = first + i;
		codec_put(question.request, &key, false, false);
	}
	mnl_attr_nest_end(question.request, list);
	return netlink_list(&question);
}

static uint32_t size_of(const struct element *frontend)
{
	return frontend->verdict.size != 0 ? frontend->verdict.size : SLOT_MAX_SIZE;
}

/* From slot *next to the first that is empty, or the end; *next is behind it then. */
static int ask_from(struct reading *r, const struct element *frontend, uint32_t *next)
{
	const uint32_t size = size_of(frontend);
	int error = 0;

	while (*next < size && error == 0) {
		const size_t before = r->found.count;
		error = ask(r, frontend, *next, size - *next < SLOTS_AT_ONCE ? size - *next : SLOTS_AT_ONCE);
		*next += (uint32_t)(r->found.count - before) + (error == -ENOENT);
	}
	return error == -ENOENT ? 0 : error;
}

/* Pools have no holes, unless another program made them: then there are more than `count` tells. 0 or -errno. */
static int ask_frontends(struct reading *r, const struct element_list *frontends, uint32_t count)
{
	uint32_t *next = mem_array(frontends->count + 1, sizeof *next);
	int error = 0;

	for (size_t i = 0; i < frontends->count && error == 0 && r->found.count <= count; i++)
		if (element_family(&frontends->items[i]) == r->family)
			error = ask_from(r, &frontends->items[i], &next[i]);
	for (size_t i = 0; i < frontends->count && error == 0 && r->found.count < count; i++)
		while (next[i] != 0 && next[i] < frontends->items[i].verdict.size && error == 0)
			error = ask_from(r, &frontends->items[i], &next[i]);
	free(next);
	return error;
}

bool slots_read(struct nft *nft, const struct slots_frontends *f, enum set_id set, int family, nft_each_fn *each,
		void *ctx)
{
	const struct element_list *frontends = &f->of[set == SET_INTERNAL_ENDPOINTS];
	struct reading r = {.nft = nft, .set = set, .family = family};
	char name[NAME_BYTES];
	uint32_t count = 0;
	int error = 0;

	r.name = names_set(set, family, name);
	if (nft_count(nft, set, family, &count) < 0 || count < SLOTS_MANY)
		return false;
	error = ask_frontends(&r, frontends, count);
	bool whole = error == 0 && r.found.count == count;
	if (whole)
		element_list_sort(&r.found);
	for (size_t i = 0; whole && i < r.found.count; i++)
		each(ctx, &r.found.items[i]);
	element_list_fini(&r.found);
	return whole;
}
