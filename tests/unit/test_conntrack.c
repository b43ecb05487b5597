/* Stale entries of connection tracking: what is asked for, what is deleted, and what is counted when that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "netlink/attrs.h"
#include "netlink/conntrack.h"
#include "tests/unit/fakenetlink.h"

static struct {
	uint32_t entries; /* that are there, IPv4 UDP; the id of each is its source port */
	uint32_t deleted; /* deletions that came */
	uint32_t gone;	  /* bits of ids below 32: deleted, or timed out by then */
	uint32_t lists;
	uint32_t refused_id;	/* of the entry whose deletion is refused… */
	int refusal;		/* …with this error */
	bool absent;		/* ctnetlink is not built in */
	int unsent;		/* error of every datagram of deletions */
	uint8_t listed_proto;	/* that the last list was about */
	bool listed_unreplied;	/* so was it */
	uint8_t listed_dst[16]; /* …to this address */
	uint16_t listed_port;	/* …and port */
	uint32_t listed_flags;	/* the fields that are to match */
	struct conntrack *stop; /* while its first list is on its way */
} kernel;

static void put_tuple(struct nlmsghdr *nlh, uint16_t type, uint16_t port)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);

	mnl_attr_put_u32(nlh, CTA_IP_V4_SRC, htonl(0x0a000001));
	mnl_attr_put_u32(nlh, CTA_IP_V4_DST, htonl(0x0a600001));
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(port));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(53));
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
}

/* What the list is about. */
static void listed(struct attrs attrs)
{
	const struct attrs tuple = attrs_in(attrs_find(attrs, CTA_TUPLE_ORIG));
	const struct attrs dst = attrs_in(attrs_find(tuple, CTA_TUPLE_IP));
	const struct nlattr *dst4 = attrs_find(dst, CTA_IP_V4_DST), *dst6 = attrs_find(dst, CTA_IP_V6_DST);
	const struct nlattr *filter = attrs_find(attrs, CTA_FILTER);

	kernel.listed_port = 0;
	attrs_number(attrs_find(attrs_in(attrs_find(tuple, CTA_TUPLE_PROTO)), CTA_PROTO_DST_PORT), &kernel.listed_port,
		     sizeof kernel.listed_port);
	kernel.listed_port = ntohs(kernel.listed_port);
	if (dst4 != NULL)
		memcpy(kernel.listed_dst, mnl_attr_get_payload(dst4), 4);
	if (dst6 != NULL)
		memcpy(kernel.listed_dst, mnl_attr_get_payload(dst6), 16);
	assert_true(attrs_number(attrs_find(attrs_in(filter), CTA_FILTER_ORIG_FLAGS), &kernel.listed_flags,
				 sizeof kernel.listed_flags));
}

static void list(const struct nlmsghdr *request)
{
	const struct nfgenmsg *about = mnl_nlmsg_get_payload(request);
	const struct attrs attrs = attrs_of(request, sizeof *about);
	const struct attrs proto = attrs_in(attrs_find(attrs_in(attrs_find(attrs, CTA_TUPLE_ORIG)), CTA_TUPLE_PROTO));

	assert_true(attrs_number(attrs_find(proto, CTA_PROTO_NUM), &kernel.listed_proto, sizeof kernel.listed_proto));
	listed(attrs);
	kernel.listed_unreplied = attrs_find(attrs, CTA_STATUS_MASK) != NULL;
	kernel.lists++;
	for (uint32_t id = 1; about->nfgen_family == AF_INET && id <= kernel.entries; id++) {
		if (id < 32 && (kernel.gone >> id & 1) != 0)
			continue;
		struct nlmsghdr *nlh = fake_put(request, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, NLM_F_MULTI);
		struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);

		nfg->nfgen_family = AF_INET;
		put_tuple(nlh, CTA_TUPLE_ORIG, (uint16_t)id);
		put_tuple(nlh, CTA_TUPLE_REPLY, (uint16_t)id);
		mnl_attr_put_u32(nlh, CTA_STATUS, 0);
		mnl_attr_put_u32(nlh, CTA_ID, id);
	}
	fake_end(request, NLMSG_DONE, 0);
	if (kernel.stop != NULL)
		conntrack_stop(kernel.stop);
}

static void put_count(const struct nlmsghdr *request)
{
	struct nlmsghdr *nlh = fake_put(request, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS, 0);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);

	nfg->nfgen_family = AF_UNSPEC;
	mnl_attr_put_u32(nlh, CTA_STATS_GLOBAL_ENTRIES, htonl(kernel.entries));
}

static int on_request(const struct nlmsghdr *request, size_t bytes)
{
	struct messages messages = {(const uint8_t *)request, bytes};
	uint32_t id = 0;

	if (request->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS)) {
		if (kernel.absent)
			fake_end(request, NLMSG_ERROR, -EINVAL);
		else
			put_count(request);
		return 0;
	}
	if (request->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET)) {
		list(request);
		return 0;
	}
	if (kernel.unsent != 0)
		return kernel.unsent;
	while ((request = messages_next(&messages)) != NULL) {
		const struct attrs attrs = attrs_of(request, sizeof(struct nfgenmsg));

		assert_int_equal(request->nlmsg_type, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE);
		assert_true(attrs_number(attrs_find(attrs, CTA_ID), &id, sizeof id));
		kernel.deleted++;
		kernel.gone |= id < 32 ? 1U << id : 0;
		if (id == kernel.refused_id)
			fake_end(request, NLMSG_ERROR, -kernel.refusal);
	}
	return 0;
}

/* All but the first are stale. */
static bool stale(void *ctx, const struct conntrack_entry *e)
{
	(void)ctx;
	return e->orig_src_port != 1;
}

static int sweep_with(struct conntrack_sweep s, bool stop, size_t *deleted)
{
	const char *error = NULL;
	struct conntrack *c = conntrack_open(&error);
	int result;

	s.family = s.family == 0 ? AF_INET : s.family;
	s.proto = IPPROTO_UDP;
	s.check = stale;
	assert_non_null(c);
	kernel.stop = stop ? c : NULL;
	result = conntrack_sweep(c, &s, deleted);
	conntrack_close(c);
	return result;
}

static int sweep(size_t *deleted)
{
	return sweep_with((struct conntrack_sweep){.unreplied_only = true}, false, deleted);
}

static int none(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof kernel);
	fake_forget();
	return 0;
}

static void only_the_stale_ones_go(void **state)
{
	size_t deleted;

	(void)state;
	kernel.entries = 4;
	assert_int_equal(sweep(&deleted), 0);
	assert_int_equal(kernel.deleted, 3);
	assert_int_equal(deleted, 3);
	assert_int_equal(kernel.listed_proto, IPPROTO_UDP);
	assert_true(kernel.listed_unreplied);
}

/* What a filter need not find is not sent. */
static void only_what_went_to_one_address_or_port(void **state)
{
	const struct addr dst4 = {.family = AF_INET, .bytes = {10, 96, 0, 1}},
			  dst6 = {.family = AF_INET6, .bytes = {0xfd, [15] = 1}};
	size_t deleted;

	(void)state;
	assert_int_equal(sweep_with((struct conntrack_sweep){.dst = &dst4}, false, &deleted), 0);
	assert_memory_equal(kernel.listed_dst, dst4.bytes, 4);
	assert_int_equal(kernel.listed_port, 0);
	assert_int_equal(kernel.listed_flags, 1 << 1 | 1 << 3);
	assert_false(kernel.listed_unreplied);
	assert_int_equal(sweep_with((struct conntrack_sweep){.dst_port = 53}, false, &deleted), 0);
	assert_int_equal(kernel.listed_port, 53);
	assert_int_equal(kernel.listed_flags, 1 << 5 | 1 << 3);
	assert_int_equal(
		sweep_with((struct conntrack_sweep){.family = AF_INET6, .dst = &dst6, .dst_port = 53}, false, &deleted),
		0);
	assert_int_equal(kernel.listed_flags, 1 << 5 | 1 << 3); /* the kernel would leave out exactly these */
}

static void one_that_is_stopped_asks_and_deletes_no_more(void **state)
{
	size_t deleted;

	(void)state;
	kernel.entries = 4;
	assert_int_equal(sweep_with((struct conntrack_sweep){0}, true, &deleted), -ECANCELED);
	assert_int_equal(kernel.deleted, 0);
}

/* Clients fill the table: memory does not grow with it. */
static void many_go_in_portions(void **state)
{
	size_t deleted;

	(void)state;
	kernel.entries = 12;
	assert_int_equal(sweep_with((struct conntrack_sweep){.at_once = 4}, false, &deleted), 0);
	assert_int_equal(deleted, 11);
	assert_int_equal(kernel.deleted, 11);
	assert_int_equal(kernel.lists, 3);
}

/* Entries that vanish by themselves, or come as fast as they go, do not keep the thread. */
static void portions_end_when_nothing_goes(void **state)
{
	size_t deleted;

	(void)state;
	kernel.entries = 2;
	kernel.refused_id = 2;
	kernel.refusal = ENOENT;
	assert_int_equal(sweep_with((struct conntrack_sweep){.at_once = 1}, false, &deleted), 0);
	assert_int_equal(deleted, 0);
	assert_int_equal(kernel.lists, 1);
}

/* It timed out between reading and deleting: that is no error, and nothing that we deleted. */
static void one_that_vanished_is_not_counted(void **state)
{
	size_t deleted;

	(void)state;
	kernel.entries = 4;
	kernel.refused_id = 3;
	kernel.refusal = ENOENT;
	assert_int_equal(sweep(&deleted), 0);
	assert_int_equal(deleted, 2);
}

static void a_refusal_is_an_error_and_the_rest_counts(void **state)
{
	size_t deleted;

	(void)state;
	kernel.entries = 4;
	kernel.refused_id = 2;
	kernel.refusal = EPERM;
	assert_int_equal(sweep(&deleted), -EPERM);
	assert_int_equal(deleted, 2);
}

static void what_was_not_sent_is_not_counted(void **state)
{
	size_t deleted;

	(void)state;
	kernel.entries = 4;
	kernel.unsent = ENOBUFS;
	assert_int_equal(sweep(&deleted), -ENOBUFS);
	assert_int_equal(deleted, 0);
}

static void how_many_there_are(void **state)
{
	const char *error = NULL;
	struct conntrack *c = conntrack_open(&error);
	uint32_t entries = 0;

	(void)state;
	kernel.entries = 70000;
	assert_int_equal(conntrack_count(c, &entries), 0);
	assert_int_equal(entries, 70000);
	conntrack_close(c);
}

static void a_kernel_without_it_is_told_of(void **state)
{
	const char *error = "";

	(void)state;
	kernel.absent = true;
	assert_null(conntrack_open(&error));
	assert_non_null(strstr(error, "CONFIG_NF_CT_NETLINK"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_the_stale_ones_go, none),
		cmocka_unit_test_setup(only_what_went_to_one_address_or_port, none),
		cmocka_unit_test_setup(one_that_is_stopped_asks_and_deletes_no_more, none),
		cmocka_unit_test_setup(many_go_in_portions, none),
		cmocka_unit_test_setup(portions_end_when_nothing_goes, none),
		cmocka_unit_test_setup(one_that_vanished_is_not_counted, none),
		cmocka_unit_test_setup(a_refusal_is_an_error_and_the_rest_counts, none),
		cmocka_unit_test_setup(what_was_not_sent_is_not_counted, none),
		cmocka_unit_test_setup(how_many_there_are, none),
		cmocka_unit_test_setup(a_kernel_without_it_is_told_of, none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
