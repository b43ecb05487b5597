/*
 * What the kernel sends: notifications and dumps of our table, of connection tracking, of addresses, links and routes,
 * as they come out of recv. An element that is read can be written, and reads back as itself.
 */
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netlink/attrs.h"
#include "nft/codec.h"
#include "netlink/conntrack.h"
#include "nft/message.h"
#include "nft/names.h"
#include "netlink/route_message.h"
#include "nft/external_changes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TABLE "fairlead"

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* Its first half only, for a prefix: the second is checked by joining. */
static void check_again(const struct element *e)
{
	char room[1024] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct element again;
	bool interval_end;

	codec_put(nlh, e, true, true);
	require(nlh->nlmsg_len <= sizeof room &&
		codec_get(mnl_nlmsg_get_payload(nlh), (enum set_id)e->set, element_family(e), &again, &interval_end));
	if (e->set != SET_SERVICE_CIDRS)
		require(element_equal(e, &again));
	else
		require(addr_equal(&e->range.addr, &again.range.addr));
}

static void read_elements(const struct nlmsghdr *nlh)
{
	struct attrs attrs = attrs_of(nlh, sizeof(struct nfgenmsg));
	const char *name = attrs_text(attrs_find(attrs, NFTA_SET_ELEM_LIST_SET));
	struct attrs elems = codec_elements(nlh);
	const struct nlattr *elem;
	struct element e, start = {0};
	char text[ELEMENT_TEXT_BYTES];
	enum set_id set;
	bool interval_end;
	int family;

	if (name == NULL || !names_set_parse(name, &set, &family))
		return;
	while ((elem = attrs_next(&elems)) != NULL) {
		if (!codec_get(elem, set, family, &e, &interval_end))
			continue;
		require(strlen(element_format(&e, text)) < sizeof text && element_family(&e) == family);
		if (!interval_end)
			check_again(&e);
		else if (start.range.addr.family == family && codec_join(&start, &e.range.addr))
			check_again(&start);
		start = e;
	}
}

static void read_change(struct external_changes *c, const struct nlmsghdr *nlh)
{
	char text[EXTERNAL_CHANGES_BY_BYTES];

	external_changes_note(c, TABLE, nlh);
	require(strlen(external_changes_by(c, text)) < sizeof text);
	if (message_is_of_table(nlh, TABLE))
		read_elements(nlh);
}

static void read_host(const struct nlmsghdr *nlh)
{
	char text[ADDR_TEXT_BYTES];
	struct rt_address address;
	struct rt_default route;
	struct rt_link link;

	if (rt_link_read(nlh, &link))
		require(link.interface != 0);
	if (rt_address_read(nlh, &address))
		require(strlen(addr_format(&address.addr, text)) < sizeof text);
	if (rt_default_read(nlh, &route) && route.gateway.family != 0)
		require(route.gateway.family == route.family);
}

static void read_flow(const struct nlmsghdr *nlh)
{
	struct conntrack_entry entry;

	if (conntrack_entry_read(nlh, &entry))
		require(entry.orig_dst.family == entry.reply_src.family && (entry.unreplied || !entry.syn_sent));
}

static void read_all(const void *bytes, size_t size)
{
	struct external_changes changes = {0};
	struct messages messages = {bytes, size};
	const struct nlmsghdr *nlh;

	while ((nlh = messages_next(&messages)) != NULL) {
		read_change(&changes, nlh);
		read_flow(nlh);
		read_host(nlh);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Aligned, as the receive buffers are, and of the exact size. */
	void *copy = malloc(size + (size == 0));

	require(copy != NULL);
	if (size != 0)
		memcpy(copy, data, size);
	read_all(copy, size);
	free(copy);
	return 0;
}
