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

/* Clients that the packet path could have written, in SET_AFFINITY. */
static bool about_clients(const struct nlmsghdr *nlh)
{
	struct attrs attrs = attrs_of(nlh, sizeof(struct nfgenmsg));
	const char *name = attrs_text(attrs_find(attrs, NFTA_SET_ELEM_LIST_SET));
	uint16_t type = nlh->nlmsg_type & 0xff;
	const struct nlattr *elem;
	struct attrs elems;
	struct element e;
	enum set_id set;
	bool interval_end;
	int family;

	if ((type != NFT_MSG_NEWSETELEM && type != NFT_MSG_DELSETELEM) || name == NULL ||
	    !names_set_parse(name, &set, &family) || !sets_shape(set)->packet_path)
		return false;
	elems = codec_elements(nlh);
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

void external_changes_note(struct external_changes *c, const char *table, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
		note_end(c, nlh);
	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || !message_is_of_table(nlh, table))
		return;
	c->open = true;
	if (about_clients(nlh))
		c->clients = true;
	else
		c->any = true;
}

void external_changes_lost(struct external_changes *c)
{
	c->any = c->lost = true;
	c->pid = 0;
}

bool external_changes_due(const struct external_changes *c)
{
	return c->any && (c->lost || !c->open);
}

void external_changes_clear(struct external_changes *c)
{
	c->any = c->lost = false;
}
