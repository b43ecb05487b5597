/* What the kernel has under our table's name, compared with what the ruleset says, set by set and rule by rule. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/buf.h"
#include "base/mem.h"
#include "netlink/attrs.h"
#include "nft/codec.h"
#include "nft/chains.h"
#include "nft/message.h"
#include "nft/table.h"
#include "nft/affinity.h"
#include "nft/names.h"
#include "nft/ruleset.h"
#include "nft/compare.h"

struct listing {	 /* of one side */
	struct buf sets; /* one line each, in order */
	unsigned same_bytes;
};

static void list_set(struct listing *l, const struct nftnl_set *s)
{
	uint32_t type = nftnl_set_get_u32(s, NFTNL_SET_DATA_TYPE);

	buf_printf(&l->sets, "%s flags %x key %u data type %x length %u size %u timeout %llu\n",
		   nftnl_set_get_str(s, NFTNL_SET_NAME), nftnl_set_get_u32(s, NFTNL_SET_FLAGS),
		   nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN), type,
		   type == NFT_DATA_VERDICT ? 0 : nftnl_set_get_u32(s, NFTNL_SET_DATA_LEN),
		   nftnl_set_get_u32(s, NFTNL_SET_DESC_SIZE),
		   (unsigned long long)nftnl_set_get_u64(s, NFTNL_SET_TIMEOUT));
}

/* ---- the table ---- */

struct table_search {
	struct nft *nft;
	struct table_seen *seen;
};

/* A text inside of these user data (type, length, value); NULL: there is none. libnftnl believes any length. */
static const char *comment_of(const uint8_t *at, uint32_t left)
{
	while (left >= 2 && left - 2 >= at[1]) {
		const uint8_t *value = at + 2;

		if (at[0] == NFTNL_UDATA_TABLE_COMMENT && at[1] != 0 && value[at[1] - 1] == '\0')
			return (const char *)value;
		left -= 2u + at[1];
		at = value + at[1];
	}
	return NULL;
}

static int each_table(const struct nlmsghdr *nlh, void *ctx)
{
	const struct table_search *search = ctx;
	struct nftnl_table *t = mem_made(nftnl_table_alloc());
	char ours[RULESET_TEXT_BYTES];
	const char *comment = NULL;
	const void *udata;
	uint32_t bytes;

	if (message_is_of_table(nlh, search->nft->table) && nftnl_table_nlmsg_parse(nlh, t) == 0) {
		udata = nftnl_table_get_data(t, NFTNL_TABLE_USERDATA, &bytes);
		if (udata != NULL)
			comment = comment_of(udata, bytes);
		search->seen->found = true;
		search->seen->flags = nftnl_table_get_u32(t, NFTNL_TABLE_FLAGS);
		search->seen->ours = comment != NULL && strcmp(comment, ruleset_text(&search->nft->config, ours)) == 0;
	}
	nftnl_table_free(t);
	return MNL_CB_OK;
}

static void restart_tables(void *ctx)
{
	*((const struct table_search *)ctx)->seen = (struct table_seen){0};
}

int table_see(struct nft *nft, struct table_seen *seen)
{
	struct table_search search = {nft, seen};
	const struct session_dump tables = {
		.type = NFT_MSG_GETTABLE, .each = each_table, .restart = restart_tables, .ctx = &search};

	*seen = (struct table_seen){0};
	return session_dump(&nft->session, &tables);
}

/* ---- its sets ---- */

static int each_set(const struct nlmsghdr *nlh, void *ctx)
{
	struct nftnl_set *s = mem_made(nftnl_set_alloc());

	if (nftnl_set_nlmsg_parse(nlh, s) == 0)
		list_set(ctx, s);
	nftnl_set_free(s);
	return MNL_CB_OK;
}

/* Elements of the set of equal byte pairs that are such. */
static int each_same_byte(const struct nlmsghdr *nlh, void *ctx)
{
	struct listing *l = ctx;
	struct attrs elems = codec_elements(nlh);
	const struct nlattr *elem, *value;

	while ((elem = attrs_next(&elems)) != NULL) {
		const uint8_t *bytes;

		value = attrs_find(attrs_in(attrs_find(attrs_in(elem), NFTA_SET_ELEM_KEY)), NFTA_DATA_VALUE);
		if (value == NULL || mnl_attr_get_payload_len(value) != RULESET_SAME_BYTE_KEY_BYTES)
			continue;
		bytes = mnl_attr_get_payload(value);
		l->same_bytes += bytes[0] == bytes[RULESET_SAME_BYTE_KEY_BYTES / 2];
	}
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

static int list_kernel(struct nft *nft, struct listing *l)
{
	const struct session_dump same_bytes = {.type = NFT_MSG_GETSETELEM,
						.table = nft->table,
						.set = RULESET_SAME_BYTE,
						.each = each_same_byte,
						.restart = restart_same_bytes,
						.ctx = l};
	const struct session_dump sets = {
		.type = NFT_MSG_GETSET, .table = nft->table, .each = each_set, .restart = restart_sets, .ctx = l};
	int error = session_dump(&nft->session, &sets);

	if (error == 0) /* an error: there is no such set; that shows */
		session_dump(&nft->session, &same_bytes);
	return error;
}

static bool sets_are_ours(const struct listing *found, const struct ruleset *body)
{
	struct listing wanted = {0};

	for (size_t i = 0; i < body->set_count; i++)
		list_set(&wanted, body->sets[i]);
	bool equal = found->same_bytes == RULESET_SAME_BYTES && buf_equal(&wanted.sets, &found->sets);
	buf_fini(&wanted.sets);
	return equal;
}

/* ---- its chains ---- */

/* Chains that come and go with elements: what is there is to be complete. */
static void note_learns(struct nft *nft, const struct chains *chains)
{
	const struct chain *c;
	size_t at = 0;

	while ((c = chains_next(chains, &at)) != NULL) {
		struct verdict v;
		int family;

		if (names_chain_parse(c->name, &v, &family) && v.kind == VERDICT_LEARN)
			learn_seen(nft, family, v.timeout_s);
		else if (strncmp(c->name, RULESET_REMEMBER, sizeof RULESET_REMEMBER - 1) == 0)
			learn_seen_remember(nft);
	}
}

static bool all_right(const struct chains *chains)
{
	const struct chain *c;
	size_t at = 0;

	while ((c = chains_next(chains, &at)) != NULL)
		if (!chain_has_right_hook(c) || !chain_has_right_rules(c))
			return false;
	return true;
}

static int see_rules(struct nft *nft, const struct ruleset *body, const struct ruleset *hooks, bool *ours)
{
	struct chains chains = {0};
	struct ruleset learns = {0};
	int error = chains_read(&chains, nft);

	if (error == 0) {
		note_learns(nft, &chains);
		learn_build(nft, &learns);
		chains_want(&chains, body);
		chains_want(&chains, hooks);
		chains_want(&chains, &learns);
		*ours = all_right(&chains);
	}
	ruleset_fini(&learns);
	chains_fini(&chains);
	return error;
}

/* ---- all of it ---- */

static int see_ruleset(struct nft *nft, bool *ours)
{
	struct ruleset body = {0}, hooks = {0};
	struct listing found = {0};
	int error = list_kernel(nft, &found);

	*ours = false;
	ruleset_build(&nft->config, nft->table, &body, &hooks);
	if (error == 0 && sets_are_ours(&found, &body))
		error = see_rules(nft, &body, &hooks, ours);
	ruleset_fini(&body);
	ruleset_fini(&hooks);
	buf_fini(&found.sets);
	return error;
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
	struct table_seen seen;
	bool ours = false;
	int error;

	learn_forget(nft);
	error = table_see(nft, &seen);
	*state = !seen.found ? TABLE_ABSENT : TABLE_OTHER;
	if (error == 0 && seen.ours && seen.flags == 0)
		error = see_ruleset(nft, &ours);
	if (error == 0 && ours) {
		error = nft_dump_set(nft, SET_STICKY, count_user, nft);
		*state = learn_adopt(nft) ? TABLE_OURS : TABLE_OTHER;
	}
	if (error == -EBADMSG) { /* foreign elements */
		*state = TABLE_OTHER;
		error = 0;
	}
	return error;
}
