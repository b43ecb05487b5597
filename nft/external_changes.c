#include "nft/external_changes.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attrs.h"
#include "nft/codec.h"
#include "nft/message.h"
#include "nft/names.h"
#include "nft/sets.h"

static bool in_whole(const struct touched *t, const struct element *e)
{
	return touched_whole(t, (enum set_id)e->set, element_family(e));
}

/* Makes room: the set with the most keys is to be read whole. */
static void give_up_keys(struct touched *t)
{
	struct element_list *l = &t->keys;
	size_t counts[SET_COUNT * 2] = {0}, most = 0, left = 0;

	for (size_t i = 0; i < l->count; i++)
		counts[l->items[i].set * 2u + (element_family(&l->items[i]) == AF_INET6)]++;
	for (size_t i = 1; i < SET_COUNT * 2; i++)
		if (counts[i] > counts[most])
			most = i;
	t->whole |= 1u << most;
	for (size_t i = 0; i < l->count; i++)
		if (!in_whole(t, &l->items[i]))
			l->items[left++] = l->items[i];
	l->count = left;
}

void touched_add(struct touched *t, const struct element *e)
{
	if (t->keys.count == TOUCHED_KEYS_MAX)
		give_up_keys(t);
	if (!in_whole(t, e))
		element_list_add(&t->keys, e);
}

/* The two halves of a prefix need not come together: such a set, which is small, is read whole. */
static bool in_halves(enum set_id set)
{
	return sets_shape(set)->range && !sets_shape(set)->daddr;
}

/* False: nothing that our own elements could look like. */
static bool note_elements(struct touched *t, const struct nlmsghdr *nlh)
{
	struct attrs attrs = attrs_of(nlh, sizeof(struct nfgenmsg));
	const char *name = attrs_text(attrs_find(attrs, NFTA_SET_ELEM_LIST_SET));
	const struct nlattr *elem;
	struct attrs elems;
	struct element e;
	enum set_id set;
	bool interval_end;
	int family;

	if (name == NULL || !names_set_parse(name, &set, &family))
		return false;
	if (in_halves(set))
		t->whole |= TOUCHED_BIT(set, family);
	if (touched_whole(t, set, family))
		return true;
	elems = codec_elements(nlh);
	while ((elem = attrs_next(&elems)) != NULL) {
		if (!codec_get(elem, set, family, &e, &interval_end))
			return false;
		if (sets_shape(set)->learned)
			t->clients = true;
		else
			touched_add(t, &e);
	}
	return true;
}

/*
 * What can be put right without a look at the sets. A chain that was there and got another name is not: elements of
 * verdict maps still lead to it. A table that was there can only have got other flags.
 */
static bool about_rules(const struct nlmsghdr *nlh)
{
	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_NEWCHAIN:
		return nlh->nlmsg_flags & NLM_F_CREATE;
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_NEWRULE:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELCHAIN:
		return true;
	default:
		return false;
	}
}

/* The end of a transaction says who made it. A program may call itself anything: only text may reach the log. */
static void note_end(struct touched *t, const struct nlmsghdr *nlh)
{
	struct attrs attrs = attrs_of(nlh, sizeof(struct nfgenmsg));
	const char *program = attrs_text(attrs_find(attrs, NFTA_GEN_PROC_NAME));

	if (!t->open)
		return;
	t->open = false;
	t->pid = 0;
	attrs_number(attrs_find(attrs, NFTA_GEN_PROC_PID), &t->pid, sizeof t->pid);
	t->pid = ntohl(t->pid);
	snprintf(t->program, sizeof t->program, "%s", program != NULL ? program : "");
	for (char *p = t->program; *p != '\0'; p++)
		if (!isgraph((unsigned char)*p))
			*p = '?';
}

const char *touched_by(const struct touched *t, char text[TOUCHED_BY_BYTES])
{
	if (t->pid == 0)
		snprintf(text, TOUCHED_BY_BYTES, "somebody else");
	else
		snprintf(text, TOUCHED_BY_BYTES, "%s (pid %" PRIu32 ")", t->program, t->pid);
	return text;
}

void touched_note(struct touched *t, const char *table, const struct nlmsghdr *nlh)
{
	uint16_t type = nlh->nlmsg_type & 0xff;

	if (nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
		note_end(t, nlh);
	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || !message_is_of_table(nlh, table))
		return;
	t->open = true;
	if (t->everything)
		return;
	if (about_rules(nlh))
		t->rules = true;
	else if ((type != NFT_MSG_NEWSETELEM && type != NFT_MSG_DELSETELEM) || !note_elements(t, nlh))
		t->everything = true;
}

void touched_lost(struct touched *t)
{
	t->everything = t->lost = true;
	t->pid = 0;
}

bool touched_any(const struct touched *t)
{
	return (t->lost || !t->open) && (t->everything || t->rules || t->whole != 0 || t->keys.count != 0);
}

bool touched_whole(const struct touched *t, enum set_id set, int family)
{
	return t->whole & TOUCHED_BIT(set, family);
}

void touched_sort(struct touched *t)
{
	element_list_sort(&t->keys);
	element_list_unique(&t->keys);
}

static int by_key(const void *a, const void *b)
{
	return element_same_key(a, b) ? 0 : element_compare(a, b);
}

bool touched_has(const struct touched *t, const struct element *e)
{
	if (in_whole(t, e))
		return true;
	return t->keys.count != 0 && bsearch(e, t->keys.items, t->keys.count, sizeof *t->keys.items, by_key) != NULL;
}

void touched_clear(struct touched *t)
{
	t->everything = t->rules = t->lost = false;
	t->whole = 0;
	element_list_clear(&t->keys);
}

void touched_fini(struct touched *t)
{
	element_list_fini(&t->keys);
	*t = (struct touched){0};
}
