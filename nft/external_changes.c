/* Reads from notifications what another program changed. */
#include "nft/external_changes.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attrs.h"
#include "nft/codec.h"
#include "nft/message.h"
#include "nft/names.h"
#include "nft/sets.h"

/* The set whose elements the message is about. False: it is about something else, or about a set that we do not fill.
 */
static bool set_of(const struct nlmsghdr *nlh, enum set_id *set, int *family)
{
	const char *name = attrs_text(attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), NFTA_SET_ELEM_LIST_SET));
	uint16_t type = nlh->nlmsg_type & 0xff;

	return (type == NFT_MSG_NEWSETELEM || type == NFT_MSG_DELSETELEM) && name != NULL &&
	       names_set_parse(name, set, family);
}

/* Clients that the packet path could have written. */
static bool about_clients(const struct nlmsghdr *nlh, enum set_id set, int family)
{
	struct attrs elems = codec_elements(nlh);
	const struct nlattr *elem;
	struct element e;
	bool interval_end;

	if (!sets_shape(set)->packet_path)
		return false;
	while ((elem = attrs_next(&elems)) != NULL)
		if (!codec_get(elem, set, family, &e, &interval_end))
			return false;
	return true;
}

/* The end of a transaction says who made it. A program may call itself anything: only text may reach the log. */
static void note_end(struct external_changes *c, const struct nlmsghdr *nlh)
{
	struct attrs attrs = attrs_of(nlh, sizeof(struct nfgenmsg));
	const char *program = attrs_text(attrs_find(attrs, NFTA_GEN_PROC_NAME));

	if (!c->open)
		return;
	c->open = false;
	c->pid = 0;
	attrs_number(attrs_find(attrs, NFTA_GEN_PROC_PID), &c->pid, sizeof c->pid);
	c->pid = ntohl(c->pid);
	snprintf(c->program, sizeof c->program, "%s", program != NULL ? program : "");
	for (char *p = c->program; *p != '\0'; p++)
		if (!isgraph((unsigned char)*p))
			*p = '?';
}

const char *external_changes_by(const struct external_changes *c, char text[EXTERNAL_CHANGES_BY_BYTES])
{
	if (c->pid == 0)
		snprintf(text, EXTERNAL_CHANGES_BY_BYTES, "another program");
	else
		snprintf(text, EXTERNAL_CHANGES_BY_BYTES, "%s (pid %" PRIu32 ")", c->program, c->pid);
	return text;
}

/* Verdicts lead to chains, not to names: one that was renamed changes the elements that lead to it. */
static void note_other(struct external_changes *c, const struct nlmsghdr *nlh)
{
	const uint16_t type = nlh->nlmsg_type & 0xff;

	c->parts.rules = true;
	for (int set = 0; type != NFT_MSG_NEWRULE && type != NFT_MSG_DELRULE && set < SET_COUNT; set++)
		if (sets_shape((enum set_id)set)->value == VALUE_VERDICT)
			c->parts.sets |= 1u << set;
}

void external_changes_note(struct external_changes *c, const char *table, const struct nlmsghdr *nlh)
{
	enum set_id set;
	int family;

	if (nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
		note_end(c, nlh);
	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || !message_is_of_table(nlh, table))
		return;
	c->open = true;
	if (!set_of(nlh, &set, &family))
		note_other(c, nlh);
	else if (about_clients(nlh, set, family))
		c->clients = true;
	else
		c->parts.sets |= 1u << set;
}

void external_changes_lost(struct external_changes *c)
{
	c->parts = TABLE_PARTS_ALL;
	c->lost = true;
	c->pid = 0;
}

bool external_changes_due(const struct external_changes *c)
{
	return table_parts_any(&c->parts) && (c->lost || !c->open);
}

void external_changes_clear(struct external_changes *c)
{
	c->parts = (struct table_parts){0};
	c->lost = false;
}
