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
#include "nft/message.h"
#include "nft/table.h"
#include "nft/affinity.h"
#include "nft/names.h"
#include "nft/repair.h"
#include "nft/ruleset.h"

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

struct table_seen {
	bool found;
	bool ours;	/* made by a process with the same ruleset */
	uint32_t flags; /* NFT_TABLE_F_… */
};

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

static int table_see(struct nft *nft, struct table_seen *seen)
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

/* ---- all of it ---- */

static void count_user(void *ctx, const struct element *e)
{
	affinity_count(ctx, e, +1);
}

/* The chains that come and go are there for the elements of SET_AFFINITY_FRONTENDS, which the kernel has already. */
static int count_users(struct nft *nft)
{
	int error = nft_dump_set(nft, SET_AFFINITY_FRONTENDS, count_user, nft);

	affinity_settle(nft, error == 0);
	return error;
}

static int see_ruleset(struct nft *nft, uint32_t flags, bool *ours)
{
	struct ruleset body = {0}, hooks = {0};
	struct listing found = {0};
	int error = list_kernel(nft, &found);
	bool other = true;

	ruleset_build(&nft->config, nft->table, &body, &hooks);
	if (error == 0 && sets_are_ours(&found, &body) && (error = count_users(nft)) == 0) {
		affinity_build(nft, &hooks);
		error = repair_find(nft, flags, &body, &hooks, &nft->repair, &other);
	}
	*ours = error == 0 && !other;
	ruleset_fini(&body);
	ruleset_fini(&hooks);
	buf_fini(&found.sets);
	return error;
}

int nft_table_state(struct nft *nft, enum table_state *state)
{
	struct table_seen seen;
	bool ours = false;
	int error;

	affinity_forget(nft);
	repair_free(nft->repair);
	nft->repair = NULL;
	error = table_see(nft, &seen);
	if (error == 0 && seen.ours)
		error = see_ruleset(nft, seen.flags, &ours);
	*state = !seen.found ? TABLE_ABSENT : ours ? TABLE_OURS : TABLE_OTHER;
	return error == -EBADMSG ? 0 : error; /* elements that we never write */
}
