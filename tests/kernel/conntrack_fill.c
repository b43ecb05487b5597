/*
 * Fills the conntrack table of its network namespace, as if answered UDP flows had passed:
 *
 *   conntrack_fill COUNT ADDRESS PORT SERVER SERVER_PORT   COUNT clients asked ADDRESS:PORT, SERVER:SERVER_PORT
 * answered conntrack_fill dump                                    reads all UDP over IPv4: prints entries and
 * milliseconds
 *
 * IPv4. Clients are 10.128.0.0 and up, 32 768 source ports each, other ones in each run (by ADDRESS and PORT).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/clock.h"
#include "base/log.h"
#include "netlink/conntrack.h"
#include "netlink/netlink.h"

#define BATCH 64
#define MESSAGE_BYTES 256
#define LIFE_S 600

struct ends {
	in_addr_t src, dst; /* in network order, as the ports */
	uint16_t src_port, dst_port;
};

static void put_tuple(struct nlmsghdr *nlh, uint16_t type, const struct ends *e)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);

	mnl_attr_put_u32(nlh, CTA_IP_V4_SRC, e->src);
	mnl_attr_put_u32(nlh, CTA_IP_V4_DST, e->dst);
	mnl_attr_nest_end(nlh, nest);
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, e->src_port);
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, e->dst_port);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
}

static size_t put_entry(char *at, const struct ends *orig, const struct ends *reply)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
	nfg->nfgen_family = AF_INET;
	nfg->version = NFNETLINK_V0;
	put_tuple(nlh, CTA_TUPLE_ORIG, orig);
	put_tuple(nlh, CTA_TUPLE_REPLY, reply);
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(IPS_SEEN_REPLY | IPS_ASSURED | IPS_CONFIRMED));
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(LIFE_S));
	return NLMSG_ALIGN(nlh->nlmsg_len);
}

/* The kernel answers refusals only, at once. */
static void batch_send(struct mnl_socket *socket, const char *batch, size_t bytes)
{
	char answer[MESSAGE_BYTES];
	int error = netlink_send(socket, batch, bytes);

	if (error != 0)
		fatalx("conntrack_fill: %s", strerror(-error));
	if (recv(mnl_socket_get_fd(socket), answer, sizeof answer, MSG_DONTWAIT) > 0)
		fatalx("conntrack_fill: an entry was refused");
}

static void fill(uint32_t count, struct ends orig, struct ends reply)
{
	struct mnl_socket *socket = netlink_open(NETLINK_NETFILTER, 0);
	static char batch[BATCH * MESSAGE_BYTES] __attribute__((aligned(8)));
	size_t used = 0;

	if (socket == NULL)
		fatal("conntrack_fill");
	for (uint32_t i = 0; i < count; i++) {
		orig.src = reply.dst = htonl(0x0a800000 + i / 32768);
		orig.src_port = reply.dst_port = htons((uint16_t)(1024 + i % 32768));
		used += put_entry(batch + used, &orig, &reply);
		if (i % BATCH == BATCH - 1 || i == count - 1) {
			batch_send(socket, batch, used);
			used = 0;
		}
	}
	mnl_socket_close(socket);
}

static bool count_one(void *ctx, const struct conntrack_entry *e)
{
	(void)e;
	++*(size_t *)ctx;
	return false;
}

static void dump(void)
{
	size_t entries = 0, deleted;
	const struct conntrack_sweep sweep = {
		.family = AF_INET, .proto = IPPROTO_UDP, .check = count_one, .ctx = &entries};
	const char *error = "";
	struct conntrack *c = conntrack_open(&error);

	if (c == NULL)
		fatalx("conntrack_fill: %s", error);
	const uint64_t start_ns = clock_ns();
	if (conntrack_sweep(c, &sweep, &deleted) != 0)
		fatalx("conntrack_fill: no dump");
	printf("%zu %.3f\n", entries, (double)(clock_ns() - start_ns) / 1e6);
	conntrack_close(c);
}

static in_addr_t address(const char *text)
{
	struct in_addr a;

	if (inet_pton(AF_INET, text, &a) != 1)
		fatalx("conntrack_fill: %s: no IPv4 address", text);
	return a.s_addr;
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "dump") == 0) {
		dump();
		return 0;
	}
	if (argc != 6)
		fatalx("usage: conntrack_fill COUNT ADDRESS PORT SERVER SERVER_PORT, or conntrack_fill dump");
	const struct ends orig = {.dst = address(argv[2]), .dst_port = htons((uint16_t)number(argv[3]))};
	const struct ends reply = {.src = address(argv[4]), .src_port = htons((uint16_t)number(argv[5]))};

	fill(number(argv[1]), orig, reply);
	return 0;
}
