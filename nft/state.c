/* What the kernel has under our table's name, compared with what the skeleton says, rule by rule. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/buf.h"
#include "base/mem.h"
#include "nft/attrs.h"
#include "nft/kernel.h"
#include "nft/learn.h"
#include "nft/names.h"
#include "nft/ruletext.h"
#include "nft/skeleton.h"

/*
 * One line per set, chain and rule, in order: equal listings mean equal rulesets. Learn chains come and go, so they
 * are listed apart.
 */
struct listing {
	struct nft *nft;
	struct buf sets, chains, rules;
	struct buf remember_chains, remember_rules; /* of skeleton_build_remember: all or none */
	struct buf learn_rules;			    /* of the learn chains */
	struct ruleset learn_wanted;		    /* what these should be, in order */
	unsigned same_bytes;
	bool table_found, table_ours;
};

static void listing_fini(struct listing *l)
{
	buf_fini(&l->sets);
	buf_fini(&l->chains);
	buf_fini(&l->rules);
	buf_fini(&l->learn_rules);
	buf_fini(&l->remember_chains);
	buf_fini(&l->remember_rules);
	ruleset_fini(&l->learn_wanted);
}

static bool learn_chain(const char *name, int *family, uint32_t *timeout_s)
{
	struct verdict v;

	if (!names_chain_parse(name, &v, family) || v.kind != VERDICT_LEARN)
		return false;
	*timeout_s = v.timeout_s;
	return true;
}

static bool is_remember(const char *chain)
{
	return strncmp(chain, SKELETON_REMEMBER, sizeof SKELETON_REMEMBER - 1) == 0;
}

static void list_set(struct listing *l, const struct nftnl_set *s)
{
	uint32_t type = nftnl_set_get_u32(s, NFTNL_SET_DATA_TYPE);

	buf_printf(&l->sets, "%s flags %x key %u data type %x length %u\n", nftnl_set_get_str(s, NFTNL_SET_NAME),
		   nftnl_set_get_u32(s, NFTNL_SET_FLAGS), nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN), type,
		   type == NFT_DATA_VERDICT ? 0 : nftnl_set_get_u32(s, NFTNL_SET_DATA_LEN));
}

static void list_chain(struct listing *l, const struct nftnl_chain *c)
{
	const char *name = nftnl_chain_get_str(c, NFTNL_CHAIN_NAME);
	uint32_t timeout_s;
	int family;

	if (learn_chain(name, &family, &timeout_s)) {
		learn_seen(l->nft, family, timeout_s);
		skeleton_build_learn(l->nft->table, family, timeout_s, &l->learn_wanted);
		return;
	}
	ruletext_chain(is_remember(name) ? &l->remember_chains : &l->chains, c);
}

/* Where a rule of that chain is listed. */
static struct buf *listed_in(struct listing *l, const char *chain)
{
	uint32_t timeout_s;
	int family;

	if (learn_chain(chain, &family, &timeout_s))
		return &l->learn_rules;
	return is_remember(chain) ? &l->remember_rules : &l->rules;
}

static void list_rule(struct listing *l, struct nftnl_rule *r)
{
	ruletext_rule(listed_in(l, nftnl_rule_get_str(r, NFTNL_RULE_CHAIN)), r);
}

static void list_ruleset(struct listing *l, const struct ruleset *r)
{
	for (size_t i = 0; i < r->set_count; i++)
		list_set(l, r->sets[i]);
	for (size_t i = 0; i < r->chain_count; i++)
		list_chain(l, r->chains[i]);
	for (size_t i = 0; i < r->rule_count; i++)
		list_rule(l, r->rules[i]);
}

/* ---- what the kernel has ---- */

static int comment_cb(const struct nftnl_udata *attr, void *ctx)
{
	const char **comment = ctx;

	if (nftnl_udata_type(attr) == NFTNL_UDATA_TABLE_COMMENT && nftnl_udata_len(attr) != 0 &&
	    ((const char *)nftnl_udata_get(attr))[nftnl_udata_len(attr) - 1] == '\0')
		*comment = nftnl_udata_get(attr);
	return 0;
}

static int each_table(const struct nlmsghdr *nlh, void *ctx)
{
	struct listing *l = ctx;
	struct nftnl_table *t = nftnl_table_alloc();
	char ours[SKELETON_TEXT_BYTES];
	const char *comment = NULL;
	const void *udata;
	uint32_t bytes;

	if (kernel_is_of_table(nlh, l->nft->table) && nftnl_table_nlmsg_parse(nlh, t) == 0) {
		l->table_found = true;
		udata = nftnl_table_get_data(t, NFTNL_TABLE_USERDATA, &bytes);
		if (udata != NULL)
			nftnl_udata_parse(udata, bytes, comment_cb, &comment);
		l->table_ours = comment != NULL && strcmp(comment, skeleton_text(&l->nft->skeleton, ours)) == 0;
	}
	nftnl_table_free(t);
	return MNL_CB_OK;
}

static int each_set(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_set *s = nftnl_set_alloc();

	if (nftnl_set_nlmsg_parse(nlh, s) == 0)
		list_set(ctx, s);
	nftnl_set_free(s);
	return MNL_CB_OK;
}

static int each_chain(const struct nlmsghdr *nlh, void *ctx)
{
	struct listing *l = ctx;
	struct nftnl_chain *c = nftnl_chain_alloc();

	/* The kernel lists the chains of every table. */
	if (kernel_is_of_table(nlh, l->nft->table) && nftnl_chain_nlmsg_parse(nlh, c) == 0)
		list_chain(l, c);
	nftnl_chain_free(c);
	return MNL_CB_OK;
}

/* Elements of the set of equal byte pairs that are such. */
static int each_same_byte(const struct nlmsghdr *nlh, void *ctx)
{
	struct listing *l = ctx;
	const struct nlattr *list = attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), NFTA_SET_ELEM_LIST_ELEMENTS);
	struct attrs elems = list != NULL ? attrs_in(list) : (struct attrs){0};
	const struct nlattr *elem, *key, *value;

	while ((elem = attrs_next(&elems)) != NULL) {
		const uint8_t *bytes;

		key = attrs_find(attrs_in(elem), NFTA_SET_ELEM_KEY);
		value = key != NULL ? attrs_find(attrs_in(key), NFTA_DATA_VALUE) : NULL;
		if (value == NULL || mnl_attr_get_payload_len(value) != SKELETON_SAME_BYTE_KEY_BYTES)
			continue;
		bytes = mnl_attr_get_payload(value);
		l->same_bytes += bytes[0] == bytes[SKELETON_SAME_BYTE_KEY_BYTES / 2];
	}
	return MNL_CB_OK;
}

static int each_rule(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_rule *r = nftnl_rule_alloc();

	if (nftnl_rule_nlmsg_parse(nlh, r) == 0)
		list_rule(ctx, r);
	nftnl_rule_free(r);
	return MNL_CB_OK;
}

/* Each dump starts anew on its own. */
static void restart_same_bytes(void *ctx)
{
	((struct listing *)ctx)->same_bytes = 0;
}

static void restart_sets(void *ctx)
{
	buf_clear(&((struct listing *)ctx)->sets);
}

static void restart_chains(void *ctx)
{
	struct listing *l = ctx;

	buf_clear(&l->chains);
	buf_clear(&l->remember_chains);
	ruleset_fini(&l->learn_wanted);
	learn_forget(l->nft);
}

static void restart_rules(void *ctx)
{
	struct listing *l = ctx;

	buf_clear(&l->rules);
	buf_clear(&l->learn_rules);
	buf_clear(&l->remember_rules);
}

static int list_kernel(struct nft *nft, struct listing *l)
{
	const struct kernel_dump same_bytes = {.type = NFT_MSG_GETSETELEM,
					       .table = nft->table,
					       .set = SKELETON_SAME_BYTE,
					       .each = each_same_byte,
					       .restart = restart_same_bytes,
					       .ctx = l};
	const struct kernel_dump dumps[] = {
		{.type = NFT_MSG_GETTABLE, .each = each_table, .ctx = l},
		{.type = NFT_MSG_GETSET, .table = nft->table, .each = each_set, .restart = restart_sets, .ctx = l},
		{.type = NFT_MSG_GETCHAIN,
		 .table = nft->table,
		 .each = each_chain,
		 .restart = restart_chains,
		 .ctx = l},
		{.type = NFT_MSG_GETRULE, .table = nft->table, .each = each_rule, .restart = restart_rules, .ctx = l},
	};
	int error = 0;

	for (size_t i = 0; i < sizeof dumps / sizeof dumps[0] && error == 0; i++) {
		if (i > 0 && !l->table_ours)
			break;
		error = kernel_dump(nft, &dumps[i]);
	}
	if (error == 0 && l->table_ours) /* an error: there is no such set; that shows */
		kernel_dump(nft, &same_bytes);
	return error;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->length_bytes == b->length_bytes &&
	       (a->length_bytes == 0 || memcmp(a->data, b->data, a->length_bytes) == 0);
}

/* The chains are there as they should be, or not there. */
static bool remembers_well(struct nft *nft, const struct listing *found)
{
	struct listing wanted = {0};
	struct ruleset hooks = {0};
	bool equal;

	if (found->remember_chains.length_bytes == 0)
		return true;
	skeleton_build_remember(nft->table, &hooks);
	list_ruleset(&wanted, &hooks);
	equal = same(&wanted.remember_chains, &found->remember_chains) &&
		same(&wanted.remember_rules, &found->remember_rules);
	ruleset_fini(&hooks);
	listing_fini(&wanted);
	if (equal)
		learn_seen_remember(nft);
	return equal;
}

static bool listing_is_ours(struct nft *nft, struct listing *found)
{
	struct ruleset body = {0}, hooks = {0};
	struct listing wanted = {0};
	bool equal;

	skeleton_build(&nft->skeleton, nft->table, &body, &hooks);
	list_ruleset(&wanted, &body);
	list_ruleset(&wanted, &hooks);
	for (size_t i = 0; i < found->learn_wanted.rule_count; i++)
		list_rule(&wanted, found->learn_wanted.rules[i]);
	equal = found->same_bytes == SKELETON_SAME_BYTES && same(&wanted.sets, &found->sets) &&
		same(&wanted.chains, &found->chains) && same(&wanted.rules, &found->rules) &&
		same(&wanted.learn_rules, &found->learn_rules) && remembers_well(nft, found);
	ruleset_fini(&body);
	ruleset_fini(&hooks);
	listing_fini(&wanted);
	return equal;
}

static void count_user(void *ctx, const struct element *e)
{
	learn_count(ctx, e, +1);
}

int nft_recount(struct nft *nft)
{
	int error;

	learn_uncount(nft);
	error = nft_dump_set(nft, SET_STICKY, count_user, nft);
	return error == 0 && !learn_adopt(nft) ? -ENOENT : error;
}

int nft_table_state(struct nft *nft, enum table_state *state)
{
	struct listing found = {.nft = nft};
	int error;

	learn_forget(nft);
	error = list_kernel(nft, &found);
	*state = !found.table_found ? TABLE_ABSENT : TABLE_OTHER;
	if (error == 0 && found.table_ours && listing_is_ours(nft, &found)) {
		*state = TABLE_OURS;
		error = nft_dump_set(nft, SET_STICKY, count_user, nft);
		if (!learn_adopt(nft))
			*state = TABLE_OTHER;
	}
	listing_fini(&found);
	if (error == -EBADMSG) { /* foreign elements */
		*state = TABLE_OTHER;
		error = 0;
	}
	return error;
}
