/* Notifications of the kernel: which parts of our table another program changed, and who it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "nft/codec.h"
#include "nft/external_changes.h"

#define VERDICT_SETS                                                                           \
	(1u << SET_DISPATCH | 1u << SET_SOURCE_RANGES | 1u << SET_LOCAL | 1u << SET_INTERNAL | \
	 1u << SET_AFFINITY_FRONTENDS)

static char room[1024] __attribute__((aligned(8)));

/* Attribute 1 is the table in messages of every kind, 2 the set, chain or rule's chain. */
static struct nlmsghdr *message(uint16_t type, const char *table, const char *name)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct nfgenmsg *family = mnl_nlmsg_put_extra_header(nlh, sizeof *family);

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	*family = (struct nfgenmsg){.nfgen_family = 1};
	mnl_attr_put_strz(nlh, 1, table);
	mnl_attr_put_strz(nlh, 2, name);
	return nlh;
}

static struct table_parts noted(const struct nlmsghdr *nlh)
{
	struct external_changes c = {0};

	external_changes_note(&c, "fairlead", nlh);
	return c.parts;
}

static void assert_parts(const struct nlmsghdr *nlh, bool rules, uint32_t sets)
{
	const struct table_parts parts = noted(nlh);

	assert_int_equal(parts.rules, rules);
	assert_int_equal(parts.sets, sets);
}

static void messages_name_what_changed(void **state)
{
	(void)state;
	assert_parts(message(NFT_MSG_DELRULE, "fairlead", "prerouting"), true, 0);
	assert_parts(message(NFT_MSG_NEWRULE, "fairlead", "prerouting"), true, 0);
	assert_parts(message(NFT_MSG_NEWCHAIN, "fairlead", "try4-8"), true, VERDICT_SETS); /* renamed */
	assert_parts(message(NFT_MSG_DELSET, "fairlead", "extra"), true, VERDICT_SETS);
	assert_parts(message(NFT_MSG_NEWSETELEM, "fairlead", "same-byte"), true, VERDICT_SETS);
	assert_parts(message(NFT_MSG_DELSETELEM, "fairlead", "dispatch4"), false, 1u << SET_DISPATCH);
	assert_parts(message(NFT_MSG_NEWSETELEM, "fairlead", "endpoints6"), false, 1u << SET_ENDPOINTS);
	assert_parts(message(NFT_MSG_DELSETELEM, "other", "dispatch4"), false, 0);
}

/* Clients are the packet path's to write; but an element of another shape is not one. */
static void clients_are_no_damage(void **state)
{
	struct external_changes c = {0};
	struct element e = {.set = SET_AFFINITY, .proto = 6, .port = 80, .to_port = 8080};
	struct nlmsghdr *nlh = message(NFT_MSG_NEWSETELEM, "fairlead", "affinity4");

	(void)state;
	addr_parse(&e.daddr, "10.96.0.1");
	cidr_parse(&e.range, "10.244.0.1/32");
	addr_parse(&e.to, "10.244.0.2");
	struct nlattr *list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	codec_put(nlh, &e, true, false);
	mnl_attr_nest_end(nlh, list);
	external_changes_note(&c, "fairlead", nlh);
	assert_true(c.clients);
	assert_false(table_parts_any(&c.parts));

	nlh = message(NFT_MSG_NEWSETELEM, "fairlead", "affinity4");
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_CATCHALL));
	mnl_attr_nest_end(nlh, elem);
	mnl_attr_nest_end(nlh, list);
	assert_parts(nlh, false, 1u << SET_AFFINITY);
}

static void the_end_says_who(void **state)
{
	struct external_changes c = {0};
	char text[EXTERNAL_CHANGES_BY_BYTES];

	(void)state;
	external_changes_note(&c, "fairlead", message(NFT_MSG_DELRULE, "fairlead", "prerouting"));
	assert_false(external_changes_due(&c)); /* there may be more of this transaction */
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	mnl_attr_put_u32(nlh, NFTA_GEN_PROC_PID, htonl(7));
	mnl_attr_put_strz(nlh, NFTA_GEN_PROC_NAME, "n\nft");
	external_changes_note(&c, "fairlead", nlh);
	assert_true(external_changes_due(&c));
	assert_string_equal(external_changes_by(&c, text), "n?ft (pid 7)");
	external_changes_clear(&c);
	assert_false(external_changes_due(&c));
	external_changes_lost(&c);
	assert_true(external_changes_due(&c));
	assert_true(c.parts.rules && c.parts.sets == TABLE_SETS_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_name_what_changed),
		cmocka_unit_test(clients_are_no_damage),
		cmocka_unit_test(the_end_says_who),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
