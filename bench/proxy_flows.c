/*
 * First packets of new UDP flows to two destinations in turn, for `make bench-proxy`: prints for each pair of rounds
 * what a flow cost in nanoseconds of CPU. Runs in the client's namespace, on one CPU; veth delivers within sendmmsg,
 * so the call's CPU time is that of the whole way through the node to the server's socket. Rounds are short and in
 * pairs, so that what else happens on the machine hits both alike.
 *
 *   proxy_flows NODE_NETNS SOURCE4 DIRECT VIP PORT_DIRECT PORT_VIP FLOWS PAIRS CPU raw|socket
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/log.h"

#define PER_CALL 32
#define PAIRS_PER_FLUSH 16 /* then the node's connection tracking is emptied: it walks its whole table for that */

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	char data[8];
} __attribute__((packed));

struct aim {
	struct in_addr to;
	uint16_t port;
	/* Each aim has its own clients: two connections that end up with the same addresses and ports cost a search. */
	struct in_addr source;
};

/* A ctnetlink socket of the node. */
static struct mnl_socket *node_conntrack(const char *path)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = open(path, O_RDONLY | O_CLOEXEC);
	struct mnl_socket *socket;

	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
		fatal("%s", path);
	socket = mnl_socket_open(NETLINK_NETFILTER);
	if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 || setns(home, CLONE_NEWNET) < 0)
		fatal("ctnetlink");
	close(home);
	close(there);
	return socket;
}

static void flush(struct mnl_socket *socket)
{
	char buffer[256] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nfg->nfgen_family = AF_INET;
	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0 ||
	    mnl_socket_recvfrom(socket, buffer, sizeof buffer) < 0)
		fatal("ctnetlink flush");
}

/* Every flow has its own source port and address; checksums are right, as real senders' are. */
static struct packet packet_of(const struct aim *aim, uint32_t flow)
{
	struct packet p = {
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .daddr = aim->to.s_addr},
		.udp = {.source = htons((uint16_t)(1024 + flow % 60000)), .dest = htons(aim->port)},
	};
	uint32_t sum = IPPROTO_UDP + (sizeof p - sizeof p.ip); /* of the pseudo header */
	uint16_t words[(sizeof p - 12) / 2];

	p.ip.saddr = htonl(ntohl(aim->source.s_addr) + flow / 60000);
	p.ip.tot_len = htons(sizeof p);
	p.udp.len = htons(sizeof p - sizeof p.ip);
	memcpy(words, (const char *)&p + 12, sizeof words); /* both addresses, then UDP */
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		sum += ntohs(words[i]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	p.udp.check = htons((uint16_t)~sum);
	return p;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* `first`: number of the first flow. */
static uint64_t round_ns(int fd, const struct aim *aim, uint32_t first, uint32_t flows)
{
	struct packet *packets = calloc(flows, sizeof *packets);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = aim->to};
	struct mmsghdr calls[PER_CALL];
	struct iovec parts[PER_CALL];
	uint64_t start;

	if (packets == NULL)
		fatal("memory");
	for (uint32_t i = 0; i < flows; i++)
		packets[i] = packet_of(aim, first + i);
	start = cpu_ns();
	for (uint32_t at = 0; at < flows; at += PER_CALL) {
		for (uint32_t i = 0; i < PER_CALL; i++) {
			parts[i] = (struct iovec){&packets[at + i], sizeof *packets};
			calls[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &to,
								.msg_namelen = sizeof to,
								.msg_iov = &parts[i],
								.msg_iovlen = 1}};
		}
		if (sendmmsg(fd, calls, PER_CALL, 0) != PER_CALL)
			fatal("sendmmsg");
	}
	start = cpu_ns() - start;
	free(packets);
	return start;
}

/* The same as programs do it: a socket each, bound, one datagram, closed. */
static uint64_t sockets_ns(const struct aim *aim, uint32_t first, uint32_t flows)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = aim->to, .sin_port = htons(aim->port)};
	uint64_t start = cpu_ns();

	for (uint32_t i = 0; i < flows; i++) {
		struct sockaddr_in from = {.sin_family = AF_INET,
					   .sin_port = htons((uint16_t)(1024 + (first + i) % 60000))};
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) < 0 ||
		    sendto(fd, "12345678", 8, 0, (struct sockaddr *)&to, sizeof to) != 8)
			fatal("flow %u", first + i);
		close(fd);
	}
	return cpu_ns() - start;
}

int main(int argc, char **argv)
{
	struct in_addr source;
	struct aim aims[2];
	cpu_set_t cpus;

	if (argc != 11)
		fatalx("usage: see the head of bench/proxy_flows.c");
	uint32_t flows = (uint32_t)strtoul(argv[7], NULL, 10) / PER_CALL * PER_CALL;
	uint32_t pairs = (uint32_t)strtoul(argv[8], NULL, 10);
	bool raw = strcmp(argv[10], "raw") == 0;
	struct mnl_socket *conntrack = node_conntrack(argv[1]);
	inet_pton(AF_INET, argv[2], &source);
	for (int i = 0; i < 2; i++) {
		inet_pton(AF_INET, argv[3 + i], &aims[i].to);
		aims[i].source.s_addr = htonl(ntohl(source.s_addr) + ((uint32_t)i << 15));
		aims[i].port = (uint16_t)strtoul(argv[5 + i], NULL, 10);
	}
	CPU_ZERO(&cpus);
	CPU_SET(strtoul(argv[9], NULL, 10), &cpus);
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0 || sched_setaffinity(0, sizeof cpus, &cpus) < 0)
		fatal("raw socket");
	for (uint32_t pair = 0; pair < pairs; pair++) {
		uint64_t took_ns[2];

		if (pair % PAIRS_PER_FLUSH == 0)
			flush(conntrack);
		for (int turn = 0; turn < 2; turn++) { /* direct first, then last: drift cancels out */
			int which = turn ^ (int)(pair & 1);

			took_ns[which] = raw ? round_ns(fd, &aims[which], pair * flows, flows)
					     : sockets_ns(&aims[which], pair * flows, flows);
		}
		printf("%.1f %.1f\n", (double)took_ns[0] / flows, (double)took_ns[1] / flows);
	}
	mnl_socket_close(conntrack);
	close(fd);
	return 0;
}
