/*
 * Endpoints for tests/kernel/flows.py: answers on PORT of every given address, UDP and TCP, with the number of the
 * address. usage: flows_server PORT ADDRESS…
 *
 * A datagram comes back with one byte more, the number. A TCP connection gets that byte and is held until the client
 * ends it. One process for all endpoints, so that the load leaves CPU to what is under test.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

#define BATCH 64
#define DATAGRAM_BYTES 64
#define SOCKET_BYTES (8 << 20)
#define TAG_NUMBER_SHIFT 32

enum tag { TAG_UDP, TAG_LISTENER, TAG_CONNECTION };

struct batch {
	struct mmsghdr messages[BATCH];
	struct iovec pieces[BATCH];
	struct sockaddr_in peers[BATCH];
	uint8_t bytes[BATCH][DATAGRAM_BYTES];
};

static int epoll_fd;

/* What epoll hands back: fd, what it is, number of the endpoint. */
static uint64_t pack(enum tag tag, int fd, unsigned number)
{
	return (uint64_t)number << TAG_NUMBER_SHIFT | (uint64_t)tag << 28 | (uint64_t)fd;
}

static void watch(enum tag tag, int fd, unsigned number)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u64 = pack(tag, fd, number)};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		fatal("epoll_ctl");
}

static void open_endpoint(const char *address, uint16_t port, unsigned number)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int kinds[] = {SOCK_DGRAM, SOCK_STREAM}, on = 1, bytes = SOCKET_BYTES;

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		fatalx("%s: not an IPv4 address", address);
	for (size_t i = 0; i < 2; i++) {
		int fd = socket(AF_INET, kinds[i] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		setsockopt(fd, SOL_SOCKET, kinds[i] == SOCK_DGRAM ? SO_RCVBUFFORCE : SO_RCVBUF, &bytes, sizeof bytes);
		setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
		if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
			fatal("%s: bind", address);
		if (kinds[i] == SOCK_STREAM && listen(fd, 4096) < 0)
			fatal("%s: listen", address);
		watch(kinds[i] == SOCK_DGRAM ? TAG_UDP : TAG_LISTENER, fd, number);
	}
}

static void answer_datagrams(int fd, unsigned number)
{
	static struct batch b;

	for (size_t i = 0; i < BATCH; i++) {
		b.pieces[i] = (struct iovec){b.bytes[i], DATAGRAM_BYTES - 1};
		b.messages[i].msg_hdr = (struct msghdr){.msg_name = &b.peers[i],
							.msg_namelen = sizeof b.peers[i],
							.msg_iov = &b.pieces[i],
							.msg_iovlen = 1};
	}
	int count = recvmmsg(fd, b.messages, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < count; i++) {
		b.bytes[i][b.messages[i].msg_len] = (uint8_t)number;
		b.pieces[i].iov_len = b.messages[i].msg_len + 1;
	}
	for (int sent = 0; sent < count;) {
		int now = sendmmsg(fd, b.messages + sent, (unsigned)(count - sent), 0);
		if (now < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
			fatal("sendmmsg");
		sent += now > 0 ? now : 0;
	}
}

static void accept_all(int listener, unsigned number)
{
	const uint8_t byte = (uint8_t)number;

	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
			return;
		if (fd < 0)
			fatal("accept");
		if (send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
			watch(TAG_CONNECTION, fd, number);
		else
			close(fd);
	}
}

static void handle(const struct epoll_event *event)
{
	const unsigned number = (unsigned)(event->data.u64 >> TAG_NUMBER_SHIFT);
	const int fd = (int)(event->data.u64 & 0xfffffff);

	switch ((enum tag)(event->data.u64 >> 28 & 0xf)) {
	case TAG_UDP:
		answer_datagrams(fd, number);
		break;
	case TAG_LISTENER:
		accept_all(fd, number);
		break;
	case TAG_CONNECTION:
		close(fd);
		break;
	}
}

int main(int argc, char **argv)
{
	struct epoll_event events[BATCH];

	if (argc < 3)
		fatalx("usage: flows_server PORT ADDRESS…");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 2; i < argc; i++)
		open_endpoint(argv[i], (uint16_t)strtoul(argv[1], NULL, 10), (unsigned)(i - 2));
	puts("ready");
	fflush(stdout);
	for (;;) {
		int count = epoll_wait(epoll_fd, events, BATCH, -1);
		for (int i = 0; i < count; i++)
			handle(&events[i]);
	}
}
