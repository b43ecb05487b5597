/*
 * Any bytes of a client over TCP, at once and in pieces of the first byte's size: each whole query gets its reply, in
 * order, up to the first that gets none; then the connection ends, and so it does when the client has sent all.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "dns/server/tcp_conn.h"
#include "tests/unit/dns_lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS_MAX 100000
#define REPLY_HEAD_BYTES 4 /* id, flags, rcode */

static struct lab lab;
static struct conns conns;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void begin(void)
{
	lab_init(&lab);
	lab_put(&lab, lab_cluster_ip("default", "web", "10.96.0.1 fd00:96::1", "dns:udp:53 http:tcp:80", "a=10.0.0.1"));
	lab_put(&lab, lab_headless("default", "hl", "http:tcp:80", "hl-0=10.0.0.2 hl-0=fd00::2 10.0.0.3", 0));
	lab_put(&lab, lab_big(200));
	conns = (struct conns){
		.loop = ev_loop_new(0), .responder = {.config = &lab.config, .counts = &lab.counts}, .max = 4};
	TAILQ_INIT(&conns.list);
}

/* The heads of the replies that are due. */
static void expect(const uint8_t *data, size_t size, struct buf *heads)
{
	size_t length;

	for (size_t at = 0; size - at >= 2; at += 2 + length) {
		length = wire_get16(data + at);
		if (length > TCP_QUERY_BYTES || length > size - at - 2 ||
		    lab_send(&lab, data + at + 2, length, RESPOND_TCP) == 0)
			return;
		buf_add(heads, lab.reply, REPLY_HEAD_BYTES);
	}
}

static bool receive(int fd, struct buf *stream)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		buf_add(stream, bytes, (size_t)n);
	return n < 0 && errno == EAGAIN;
}

/* All that comes back, up to the end of the connection. */
static void converse(const uint8_t *data, size_t size, size_t piece_bytes, struct buf *stream)
{
	struct sockaddr_storage from = {.ss_family = AF_INET};
	int ends[2];
	bool open = true;

	((struct sockaddr_in *)&from)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	conns_open(&conns, ends[1], &from);
	for (size_t at = 0, turn = 0; open; turn++) {
		const size_t bytes = size - at < piece_bytes ? size - at : piece_bytes;
		must(turn < TURNS_MAX);
		const ssize_t sent = bytes != 0 ? send(ends[0], data + at, bytes, MSG_NOSIGNAL) : 0;
		at += sent > 0 ? (size_t)sent : 0;
		if (at == size)
			shutdown(ends[0], SHUT_WR);
		ev_run(conns.loop, EVRUN_NOWAIT);
		open = receive(ends[0], stream);
	}
	close(ends[0]);
	must(conns.count == 0);
}

static void check(const uint8_t *data, size_t size, size_t piece_bytes, const struct buf *heads)
{
	struct buf stream = {0};
	size_t at = 0, due = 0;

	converse(data, size, piece_bytes, &stream);
	for (; stream.length_bytes - at >= 2; due += REPLY_HEAD_BYTES) {
		const uint8_t *reply = (const uint8_t *)stream.data + at;
		const size_t length = wire_get16(reply);
		must(length >= WIRE_HEADER_BYTES && length <= stream.length_bytes - at - 2);
		must(due < heads->length_bytes && memcmp(reply + 2, heads->data + due, REPLY_HEAD_BYTES) == 0);
		at += 2 + length;
	}
	must(at == stream.length_bytes && due == heads->length_bytes);
	buf_fini(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf heads = {0};

	if (conns.loop == NULL)
		begin();
	if (size < 2)
		return 0;
	expect(data + 1, size - 1, &heads);
	check(data + 1, size - 1, size, &heads);
	check(data + 1, size - 1, data[0] + 1U, &heads);
	buf_fini(&heads);
	return 0;
}
