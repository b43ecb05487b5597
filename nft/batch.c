/* Writes the messages of one nf_tables transaction. */
#include "nft/batch.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/mem.h"
#include "nft/codec.h"
#include "nft/names.h"
#include "nft/ruleset.h"

#define MESSAGE_ROOM_BYTES 32768   /* for anything but elements; our largest is the set of equal bytes */
#define MSG_DESTROYSETELEM 30	   /* not in the headers of Debian 12 */
#define LIST_MAX_BYTES (60 * 1024) /* a list of elements is one attribute, its length has 16 bits */

/* May move the buffer: pointers into it do not outlive this call. */
static void reserve(struct batch *b, size_t bytes)
{
	if (b->used + bytes <= b->room)
		return;
	b->room = b->room * 2 + bytes;
	b->data = mem_resize(b->data, b->room);
}

static void *end_of(struct batch *b)
{
	return b->data + b->used;
}

void batch_close(struct batch *b)
{
	if (b->list == 0)
		return;
	struct nlmsghdr *nlh = (struct nlmsghdr *)(void *)(b->data + b->list);

	mnl_attr_nest_end(nlh, (struct nlattr *)(void *)(b->data + b->nest));
	b->used = b->list + NLMSG_ALIGN(nlh->nlmsg_len);
	b->list = 0;
}

void batch_begin(struct batch *b, uint32_t seq)
{
	b->used = 0;
	b->list = 0;
	b->messages = 0;
	b->first_seq = b->next_seq = seq;
	reserve(b, MESSAGE_ROOM_BYTES);
	nftnl_batch_begin(end_of(b), b->next_seq++);
	b->used += NLMSG_ALIGN(((struct nlmsghdr *)end_of(b))->nlmsg_len);
}

void batch_end(struct batch *b)
{
	batch_close(b);
	reserve(b, MESSAGE_ROOM_BYTES);
	nftnl_batch_end(end_of(b), b->next_seq++);
	b->used += NLMSG_ALIGN(((struct nlmsghdr *)end_of(b))->nlmsg_len);
}

void batch_fini(struct batch *b)
{
	free(b->data);
	*b = (struct batch){0};
}

static struct nlmsghdr *batch_start(struct batch *b, uint16_t type, uint16_t flags)
{
	batch_close(b);
	reserve(b, MESSAGE_ROOM_BYTES);
	b->messages++;
	return nftnl_nlmsg_build_hdr(end_of(b), type, NFPROTO_INET, flags, b->next_seq++);
}

static void finish(struct batch *b, const struct nlmsghdr *nlh)
{
	b->used += NLMSG_ALIGN(nlh->nlmsg_len);
}

void batch_table(struct batch *b, bool add, const char *table, const char *comment)
{
	struct nlmsghdr *nlh = batch_start(b, add ? NFT_MSG_NEWTABLE : NFT_MSG_DELTABLE, add ? NLM_F_CREATE : 0);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	if (comment != NULL) {
		struct nftnl_udata_buf *udata = mem_made(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));

		nftnl_udata_put_strz(udata, NFTNL_UDATA_TABLE_COMMENT, comment);
		mnl_attr_put(nlh, NFTA_TABLE_USERDATA, nftnl_udata_buf_len(udata), nftnl_udata_buf_data(udata));
		nftnl_udata_buf_free(udata);
	}
	finish(b, nlh);
}

void batch_table_owned(struct batch *b, const char *table)
{
	struct nlmsghdr *nlh = batch_start(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
	finish(b, nlh);
}

void batch_table_wake(struct batch *b, const char *table)
{
	struct nlmsghdr *nlh = batch_start(b, NFT_MSG_NEWTABLE, 0);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, 0);
	finish(b, nlh);
}

static int stop_at_first(struct nftnl_set_elem *e, void *any)
{
	(void)e;
	*(bool *)any = true;
	return -1;
}

static void put_set_elements(struct batch *b, struct nftnl_set *s)
{
	bool any = false;

	nftnl_set_elem_foreach(s, stop_at_first, &any);
	if (!any)
		return;
	struct nlmsghdr *nlh = batch_start(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL);
	nftnl_set_elems_nlmsg_build_payload(nlh, s);
	finish(b, nlh);
}

void batch_set(struct batch *b, struct nftnl_set *s)
{
	struct nlmsghdr *nlh = batch_start(b, NFT_MSG_NEWSET, NLM_F_CREATE | NLM_F_EXCL);

	nftnl_set_nlmsg_build_payload(nlh, s);
	finish(b, nlh);
	put_set_elements(b, s);
}

void batch_set_replace(struct batch *b, struct nftnl_set *s)
{
	struct nlmsghdr *nlh = batch_start(b, NFT_MSG_DELSETELEM, 0); /* without a list of elements: all */

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, nftnl_set_get_str(s, NFTNL_SET_TABLE));
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, nftnl_set_get_str(s, NFTNL_SET_NAME));
	finish(b, nlh);
	put_set_elements(b, s);
}

void batch_chain(struct batch *b, bool add, struct nftnl_chain *c)
{
	struct nlmsghdr *nlh = batch_start(b, add ? NFT_MSG_NEWCHAIN : NFT_MSG_DELCHAIN, add ? NLM_F_CREATE : 0);

	nftnl_chain_nlmsg_build_payload(nlh, c);
	finish(b, nlh);
}

void batch_rule(struct batch *b, bool add, struct nftnl_rule *r)
{
	struct nlmsghdr *nlh =
		batch_start(b, add ? NFT_MSG_NEWRULE : NFT_MSG_DELRULE, add ? NLM_F_CREATE | NLM_F_APPEND : 0);

	if (add) {
		nftnl_rule_nlmsg_build_payload(nlh, r);
	} else {
		mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, nftnl_rule_get_str(r, NFTNL_RULE_TABLE));
		mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, nftnl_rule_get_str(r, NFTNL_RULE_CHAIN));
	}
	finish(b, nlh);
}

void batch_ruleset(struct batch *b, const struct ruleset *r)
{
	for (size_t i = 0; i < r->set_count; i++)
		batch_set(b, r->sets[i]);
	for (size_t i = 0; i < r->chain_count; i++)
		batch_chain(b, true, r->chains[i]);
	for (size_t i = 0; i < r->rule_count; i++)
		batch_rule(b, true, r->rules[i]);
}

static bool list_fits(const struct batch *b, enum batch_op op, const struct element *e)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)(b->data + b->list);

	return !b->alone && b->list != 0 && b->list_op == op && b->list_set == e->set &&
	       b->list_family == element_family(e) && nlh->nlmsg_len < LIST_MAX_BYTES;
}

static void open_list(struct batch *b, const char *table, enum batch_op op, const struct element *e)
{
	static const uint16_t types[] = {NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM, MSG_DESTROYSETELEM};
	struct nlmsghdr *nlh = batch_start(b, types[op], op == BATCH_ADD ? NLM_F_CREATE : 0);
	char set[NAME_BYTES];

	b->list_op = op;
	b->list_set = e->set;
	b->list_family = element_family(e);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, names_set(e->set, b->list_family, set));
	b->list = (size_t)((uint8_t *)nlh - b->data);
	b->nest = (size_t)((uint8_t *)mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS) - b->data);
	b->used = b->list + NLMSG_ALIGN(nlh->nlmsg_len);
}

void batch_element(struct batch *b, const char *table, enum batch_op op, const struct element *e, bool with_counter)
{
	struct nlmsghdr *nlh;

	if (!list_fits(b, op, e))
		open_list(b, table, op, e);
	reserve(b, CODEC_ELEMENT_MAX_BYTES);
	nlh = (struct nlmsghdr *)(void *)(b->data + b->list);
	codec_put(nlh, e, op == BATCH_ADD, with_counter);
	b->used = b->list + NLMSG_ALIGN(nlh->nlmsg_len);
}

const struct nlmsghdr *batch_find(const struct batch *b, uint32_t seq)
{
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= b->used;) {
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)(b->data + at);

		if (nlh->nlmsg_seq == seq)
			return nlh;
		at += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	return NULL;
}
