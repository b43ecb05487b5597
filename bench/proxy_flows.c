/*
 * First packets of new UDP flows to endpoints and to ClusterIPs in turn, for `make bench-proxy`: prints for each pair
 * of rounds what a flow cost in nanoseconds of CPU, directly and through the ClusterIP. Runs in the client's namespace,
 * on one CPU; veth delivers within the call that sends, so that call's CPU time is that of the whole way through the
 * node into the server's socket. Each packet's arrival there is checked. Rounds are short and in pairs, so that what
 * else happens on the machine hits both alike.
 *
 *   proxy_flows NODE_NETNS SERVER_NETNS socket|raw FIRST SERVICES ENDPOINTS FLOWS PAIRS CPU
 *
 * Flows go to the services FIRST … FIRST + SERVICES - 1 of those that nft_driver generates and to their ENDPOINTS,
 * drawn at random for both alike. "socket" is what programs do: a socket each, bound, one datagram, closed. "raw"
 * leaves the client's sockets out: prepared datagrams.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
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
#include "base/mem.h"

#define CLIENT 0x0af4000au /* 10.244.0.10 */
#define PORT_FIRST 1024u
#define PORTS 30000u /* for each side: two flows that end up with the same addresses and ports would cost a search */
#define PAIRS_PER_FLUSH 16u /* then the node's connection tracking is emptied: ports start again */
#define PER_CALL 32u
#define SINK_BYTES (16 << 20)
#define ARRIVAL_MS 1000

struct plan {
	uint32_t first, services, endpoints, flows, pairs;
	bool raw;
	int out;	       /* raw socket */
	int sink;	       /* of the server */
	struct mnl_socket *ct; /* of the node */
};

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	char data[8];
} __attribute__((packed));

struct flow {
	struct sockaddr_in from, to;
	struct packet packet; /* raw only */
};

/* ---- the namespaces beside the client's ---- */

static int enter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		fatal("%s", path);
	return fd;
}

static struct mnl_socket *node_conntrack(const char *path)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = enter(path);
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);

	if (socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 || setns(home, CLONE_NEWNET) < 0)
		fatal("ctnetlink");
	close(home);
	close(there);
	return socket;
}

static int server_sink(const char *path)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(8080)};
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there = enter(path), bytes = SINK_BYTES;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0 ||
	    bind(fd, (struct sockaddr *)&here, sizeof here) < 0 || setns(home, CLONE_NEWNET) < 0)
		fatal("sink");
	close(home);
	close(there);
	return fd;
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

/* All of a round must have arrived: what is dropped on the way costs less. */
static void arrived(int sink, uint32_t flows)
{
	struct pollfd p = {.fd = sink, .events = POLLIN};
	char data[64];

	for (uint32_t i = 0; i < flows; i++)
		if (recv(sink, data, sizeof data, MSG_DONTWAIT) < 0 &&
		    (poll(&p, 1, ARRIVAL_MS) != 1 || recv(sink, data, sizeof data, MSG_DONTWAIT) < 0))
			fatalx("%u of %u packets arrived", i, flows);
}

/* ---- flows ---- */

/* Checksums are right, as real senders' are. */
static struct packet packet_of(const struct flow *f)
{
	struct packet p = {
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP},
		.udp = {.source = f->from.sin_port, .dest = f->to.sin_port},
	};
	uint32_t sum = IPPROTO_UDP + (sizeof p - sizeof p.ip); /* of the pseudo header */
	uint16_t words[(sizeof p - 12) / 2];

	p.ip.saddr = f->from.sin_addr.s_addr;
	p.ip.daddr = f->to.sin_addr.s_addr;
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

/* Addresses are those of nft_driver's `generate`. Both sides draw both numbers: theirs is the same work before a round.
 */
static struct flow flow_of(const struct plan *p, bool vip, uint16_t port)
{
	uint32_t service = p->first + (uint32_t)random() % p->services, slot = (uint32_t)random() % p->endpoints;
	struct flow f = {
		.from = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(CLIENT)},
		.to = {.sin_family = AF_INET, .sin_port = htons(vip ? 80 : 8080)},
	};

	f.to.sin_addr.s_addr = htonl(vip ? 0x0a800000u + service : 0xac000000u + (service << 8) + slot);
	f.packet = packet_of(&f);
	return f;
}

static void send_packets(const struct plan *p, struct flow *flows)
{
	struct mmsghdr calls[PER_CALL];
	struct iovec parts[PER_CALL];

	for (uint32_t at = 0; at < p->flows; at += PER_CALL) {
		for (uint32_t i = 0; i < PER_CALL; i++) {
			struct flow *f = &flows[at + i];

			parts[i] = (struct iovec){&f->packet, sizeof f->packet};
			calls[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &f->to,
								.msg_namelen = sizeof f->to,
								.msg_iov = &parts[i],
								.msg_iovlen = 1}};
		}
		if (sendmmsg(p->out, calls, PER_CALL, 0) != PER_CALL)
			fatal("sendmmsg");
	}
}

static void send_sockets(const struct plan *p, const struct flow *flows)
{
	for (uint32_t i = 0; i < p->flows; i++) {
		const struct flow *f = &flows[i];
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (fd < 0 || bind(fd, (const struct sockaddr *)&f->from, sizeof f->from) < 0 ||
		    sendto(fd, "12345678", 8, 0, (const struct sockaddr *)&f->to, sizeof f->to) != 8)
			fatal("flow %u", i);
		close(fd);
	}
}

/* ---- rounds ---- */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double round_ns(const struct plan *p, bool vip, uint32_t port)
{
	struct flow *flows = mem_array(p->flows, sizeof *flows);
	uint64_t start;

	for (uint32_t i = 0; i < p->flows; i++)
		flows[i] = flow_of(p, vip, (uint16_t)(port + i));
	start = cpu_ns();
	if (p->raw)
		send_packets(p, flows);
	else
		send_sockets(p, flows);
	start = cpu_ns() - start;
	arrived(p->sink, p->flows);
	free(flows);
	return (double)start / p->flows;
}

/* Who goes first alternates, and so do the two ranges of ports: drift and habits of the kernel cancel out. */
static void run(const struct plan *p)
{
	for (uint32_t pair = 0; pair < p->pairs; pair++) {
		uint32_t window = pair / PAIRS_PER_FLUSH, port = PORT_FIRST + pair % PAIRS_PER_FLUSH * p->flows;
		double took_ns[2];

		if (pair % PAIRS_PER_FLUSH == 0)
			flush(p->ct);
		for (uint32_t turn = 0; turn < 2; turn++) {
			uint32_t vip = turn ^ (pair & 1);

			took_ns[vip] = round_ns(p, vip, port + (vip ^ (window & 1)) * PORTS);
		}
		printf("%.1f %.1f\n", took_ns[0], took_ns[1]);
	}
}

int main(int argc, char **argv)
{
	struct plan p = {0};
	uint32_t *const numbers[] = {&p.first, &p.services, &p.endpoints, &p.flows, &p.pairs};
	cpu_set_t cpus;

	if (argc != 10)
		fatalx("usage: see the head of bench/proxy_flows.c");
	for (int i = 0; i < 5; i++)
		*numbers[i] = (uint32_t)strtoul(argv[4 + i], NULL, 10);
	p.flows = p.flows / PER_CALL * PER_CALL;
	if (p.services == 0 || p.endpoints == 0 || p.flows * PAIRS_PER_FLUSH > PORTS)
		fatalx("no services, no endpoints or too many flows");
	p.raw = strcmp(argv[3], "raw") == 0;
	p.ct = node_conntrack(argv[1]);
	p.sink = server_sink(argv[2]);
	p.out = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	CPU_ZERO(&cpus);
	CPU_SET(strtoul(argv[9], NULL, 10), &cpus);
	if (p.out < 0 || sched_setaffinity(0, sizeof cpus, &cpus) < 0)
		fatal("raw socket");
	run(&p);
	mnl_socket_close(p.ct);
	close(p.sink);
	close(p.out);
	return 0;
}
