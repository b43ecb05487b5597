/*
 * Opens new flows to one service as fast as it is let to, and counts what became of each, for tests/kernel/flows.py.
 * usage: flows_client VIP PORT NETWORK FLOWS WINDOW PER_SECOND STATS
 *
 * Every flow is a source address and port that was not used before: NETWORK is the first address of a /16 that is
 * local here. Flow n is a datagram, answered or not, or, for every TCP_EVERY-th, a connection that must bring one byte.
 * Nothing is ever sent twice by this program. At most WINDOW flows are open at a time; PER_SECOND 0 is no limit. The
 * counts lie in the file STATS (struct stats), which others may map and read while it runs. Ends when all flows have.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define BATCH 64
#define FLOWS_OPEN_MAX 65536 /* power of two */
#define FLOW_LIMIT_MS 5000
#define FLOWS_PER_PORT 65536 /* one per address of the network */
#define PORTS_MAX 200
#define UDP_PORT_FIRST 20000
#define TCP_PORT_FIRST 30000
#define TCP_EVERY 16
#define SERVERS_MAX 16
#define SOCKET_BYTES (8 << 20)
#define TAG_TCP (1ull << 63)

/* flows.py reads this: only uint64_t, in this order. */
struct stats {
	uint64_t started, oldest, answered, refused, lost, odd, tcp, longest_us;
	uint64_t by_server[SERVERS_MAX];
};

struct flow {
	uint64_t start_ns;
	int fd; /* TCP; -1 otherwise */
	bool open;
};

struct load {
	struct sockaddr_in vip;
	uint32_t network; /* host order */
	uint64_t flows, window, per_second, begin_ns;
	int epoll_fd;
	int sockets[PORTS_MAX]; /* UDP, one per source port */
	struct stats *stats;
	struct flow open[FLOWS_OPEN_MAX]; /* by number, modulo */
};

static struct flow *flow_at(struct load *l, uint64_t n)
{
	return &l->open[n % FLOWS_OPEN_MAX];
}

static uint32_t source_of(const struct load *l, uint64_t n)
{
	return htonl(l->network + (uint32_t)(n % FLOWS_PER_PORT));
}

/* counter is one of the fates in struct stats. */
static void flow_end(struct load *l, uint64_t n, uint64_t *counter)
{
	struct flow *f = flow_at(l, n);

	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	f->open = false;
	++*counter;
}

static void flow_answered(struct load *l, uint64_t n, uint8_t server)
{
	uint64_t us = (clock_ns() - flow_at(l, n)->start_ns) / 1000;

	if (us > l->stats->longest_us)
		l->stats->longest_us = us;
	if (server < SERVERS_MAX)
		l->stats->by_server[server]++;
	flow_end(l, n, server < SERVERS_MAX ? &l->stats->answered : &l->stats->odd);
}

static bool flow_is_open(struct load *l, uint64_t n)
{
	return n >= l->stats->oldest && n < l->stats->started && flow_at(l, n)->open;
}

static void flow_begin(struct load *l, uint64_t n, int fd)
{
	*flow_at(l, n) = (struct flow){.start_ns = clock_ns(), .fd = fd, .open = true};
	l->stats->started = n + 1;
}

/* --- datagrams --- */

static int udp_open(const struct load *l, unsigned at)
{
	const struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(UDP_PORT_FIRST + at))};
	const int bytes = SOCKET_BYTES, on = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = at};

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&local, sizeof local) < 0)
		fatal("source port %u", UDP_PORT_FIRST + at);
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		fatal("epoll_ctl");
	return fd;
}

struct datagram {
	uint64_t number;
	struct iovec piece;
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control;
};

/* The source address travels beside each datagram, so one socket opens a flow per address. */
static struct msghdr datagram_make(struct load *l, struct datagram *d, uint64_t n)
{
	struct in_pktinfo info = {.ipi_spec_dst.s_addr = source_of(l, n)};
	struct msghdr m = {.msg_name = &l->vip,
			   .msg_namelen = sizeof l->vip,
			   .msg_iov = &d->piece,
			   .msg_iovlen = 1,
			   .msg_control = d->control.bytes,
			   .msg_controllen = sizeof d->control.bytes};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	d->number = n;
	d->piece = (struct iovec){&d->number, sizeof d->number};
	*c = (struct cmsghdr){.cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO, .cmsg_len = CMSG_LEN(sizeof info)};
	memcpy(CMSG_DATA(c), &info, sizeof info);
	return m;
}

/* Flows from `first` up to the next TCP one, the next port or `end`; how many were sent. */
static uint64_t udp_start(struct load *l, uint64_t first, uint64_t end)
{
	static struct mmsghdr messages[BATCH];
	static struct datagram datagrams[BATCH];
	unsigned count = 0;

	for (uint64_t n = first; n < end && count < BATCH && n % TCP_EVERY != 0; n++)
		if (n / FLOWS_PER_PORT == first / FLOWS_PER_PORT)
			messages[count].msg_hdr = datagram_make(l, &datagrams[count], n), count++;
	for (unsigned i = 0; i < count; i++)
		flow_begin(l, first + i, -1);
	int sent = sendmmsg(l->sockets[first / FLOWS_PER_PORT], messages, count, 0);
	if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR && errno != ECONNREFUSED &&
	    errno != EHOSTUNREACH)
		fatal("sendmmsg");
	l->stats->started = first + (uint64_t)(sent > 0 ? sent : 0);
	return l->stats->started - first;
}

/* ICMP errors carry what was sent, so the flow is known. */
static void udp_errors(struct load *l, int fd)
{
	uint64_t number = 0;
	uint8_t control[256];
	struct iovec piece = {&number, sizeof number};
	struct msghdr m = {
		.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};

	while (recvmsg(fd, &m, MSG_ERRQUEUE) >= 0) {
		if (flow_is_open(l, number))
			flow_end(l, number, &l->stats->refused);
		m.msg_controllen = sizeof control;
	}
}

struct answer {
	uint64_t number;
	uint8_t server;
} __attribute__((packed));

static void udp_answers(struct load *l, int fd)
{
	static struct mmsghdr messages[BATCH];
	static struct answer answers[BATCH];
	static struct iovec pieces[BATCH];
	static struct sockaddr_in peers[BATCH];

	for (size_t i = 0; i < BATCH; i++) {
		pieces[i] = (struct iovec){&answers[i], sizeof answers[i]};
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &peers[i], .msg_namelen = sizeof peers[i], .msg_iov = &pieces[i], .msg_iovlen = 1};
	}
	int count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		bool right = messages[i].msg_len == sizeof answers[i] && peers[i].sin_port == l->vip.sin_port &&
			     peers[i].sin_addr.s_addr == l->vip.sin_addr.s_addr;
		if (!right)
			l->stats->odd++;
		else if (flow_is_open(l, answers[i].number))
			flow_answered(l, answers[i].number, answers[i].server);
	}
	udp_errors(l, fd);
}

/* --- connections --- */

static void tcp_start(struct load *l, uint64_t n)
{
	const struct sockaddr_in local = {.sin_family = AF_INET,
					  .sin_addr.s_addr = source_of(l, n),
					  .sin_port = htons((uint16_t)(TCP_PORT_FIRST + n / FLOWS_PER_PORT))};
	const struct linger reset = {.l_onoff = 1}; /* ends without TIME_WAIT */
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = TAG_TCP | n};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&local, sizeof local) < 0)
		fatal("source port %u", TCP_PORT_FIRST + (unsigned)(n / FLOWS_PER_PORT));
	flow_begin(l, n, fd);
	l->stats->tcp++;
	if (connect(fd, (const struct sockaddr *)&l->vip, sizeof l->vip) < 0 && errno != EINPROGRESS)
		fatal("connect");
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		fatal("epoll_ctl");
}

static void tcp_event(struct load *l, uint64_t n)
{
	uint8_t server;

	if (!flow_is_open(l, n))
		return;
	ssize_t got = recv(flow_at(l, n)->fd, &server, 1, 0);
	if (got == 1)
		flow_answered(l, n, server);
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		flow_end(l, n, &l->stats->refused);
}

/* --- the run --- */

static uint64_t allowed(const struct load *l)
{
	uint64_t end = l->stats->oldest + l->window;

	if (l->per_second != 0) {
		uint64_t by_now = (clock_ns() - l->begin_ns) / 1000 * l->per_second / 1000000 + 1;
		end = by_now < end ? by_now : end;
	}
	return end < l->flows ? end : l->flows;
}

static void start_some(struct load *l)
{
	for (uint64_t end = allowed(l), n = l->stats->started; n < end; n = l->stats->started) {
		if (n % TCP_EVERY == 0)
			tcp_start(l, n);
		else if (udp_start(l, n, end) == 0)
			return;
	}
}

static void expire(struct load *l)
{
	const uint64_t now_ns = clock_ns();

	while (l->stats->oldest < l->stats->started) {
		struct flow *f = flow_at(l, l->stats->oldest);
		if (f->open && now_ns - f->start_ns < FLOW_LIMIT_MS * 1000000ull)
			return;
		if (f->open)
			flow_end(l, l->stats->oldest, &l->stats->lost);
		l->stats->oldest++;
	}
}

static void turn(struct load *l)
{
	struct epoll_event events[BATCH];

	start_some(l);
	int count = epoll_wait(l->epoll_fd, events, BATCH, 1);
	for (int i = 0; i < count; i++) {
		if (events[i].data.u64 & TAG_TCP)
			tcp_event(l, events[i].data.u64 & ~TAG_TCP);
		else
			udp_answers(l, l->sockets[events[i].data.u64]);
	}
	expire(l);
}

static struct stats *stats_map(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(struct stats)) < 0)
		fatal("%s", path);
	void *at = mmap(NULL, sizeof(struct stats), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		fatal("%s: mmap", path);
	close(fd);
	return at;
}

int main(int argc, char **argv)
{
	static struct load l;
	struct in_addr network;

	if (argc != 8)
		fatalx("usage: flows_client VIP PORT NETWORK FLOWS WINDOW PER_SECOND STATS");
	l.vip = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10))};
	if (inet_pton(AF_INET, argv[1], &l.vip.sin_addr) != 1 || inet_pton(AF_INET, argv[3], &network) != 1)
		fatalx("%s, %s: VIP and NETWORK are IPv4 addresses", argv[1], argv[3]);
	l.network = ntohl(network.s_addr);
	l.flows = strtoull(argv[4], NULL, 10);
	l.window = strtoull(argv[5], NULL, 10);
	l.per_second = strtoull(argv[6], NULL, 10);
	if (l.window == 0 || l.window > FLOWS_OPEN_MAX || l.flows > PORTS_MAX * (uint64_t)FLOWS_PER_PORT)
		fatalx("%s open flows of %s: too many", argv[5], argv[4]);
	l.stats = stats_map(argv[7]);
	l.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i <= l.flows / FLOWS_PER_PORT && i < PORTS_MAX; i++)
		l.sockets[i] = udp_open(&l, i);
	l.begin_ns = clock_ns();
	while (l.stats->oldest < l.flows)
		turn(&l);
	return 0;
}
