/*
 * Any bytes of an upstream server over TCP, in pieces of the first byte's size, to three queries on one connection: a
 * whole message with a query's id is its reply, and every query ends once, with it or without. An id of 0 to 2 stands
 * for that of a query.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/forward/stream.h"
#include "dns/wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUERIES 3
#define QUERY_BYTES (2 + WIRE_HEADER_BYTES)
#define TURNS_MAX 100000

struct asked {
	struct stream_query query;
	uint8_t out[QUERY_BYTES];
	bool replied, ended, due;
};

static struct ev_loop *loop;
static int listening;
static struct forward_server server;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void begin(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof at;

	loop = ev_loop_new(0);
	listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	must(bind(listening, (struct sockaddr *)&at, sizeof at) == 0 && listen(listening, 16) == 0 &&
	     getsockname(listening, (struct sockaddr *)&at, &bytes) == 0);
	server.at = (struct addr_port){.addr = {AF_INET, {127, 0, 0, 1}}, .port = ntohs(at.sin_port)};
}

static bool on_done(struct stream_query *q, const uint8_t *message, size_t length)
{
	struct asked *a = (struct asked *)q;

	must(!a->ended && (message == NULL || length >= WIRE_HEADER_BYTES));
	must(message == NULL || memcmp(message, a->out + 2, 2) == 0);
	a->replied = message != NULL && (message[2] & 0x80) != 0;
	a->ended = message == NULL || a->replied;
	return a->replied;
}

/* With a reset: no port waits for old segments. */
static void reset(int fd)
{
	const struct linger at_once = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
}

static int accept_queries(uint8_t queries[QUERIES * QUERY_BYTES])
{
	size_t got = 0;
	int fd = -1;

	for (unsigned turn = 0; got < QUERIES * QUERY_BYTES; turn++) {
		must(turn < TURNS_MAX);
		ev_run(loop, EVRUN_NOWAIT);
		if (fd < 0)
			fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		const ssize_t n = fd >= 0 ? recv(fd, queries + got, QUERIES * QUERY_BYTES - got, 0) : 0;
		got += n > 0 ? (size_t)n : 0;
	}
	return fd;
}

/* Puts the ids in and notes which queries get a reply, or what is none. */
static void expect(uint8_t *bytes, size_t size, const uint8_t *queries, struct asked *all)
{
	bool over[QUERIES] = {false};

	for (size_t at = 0; size - at >= 2 && size - at - 2 >= wire_get16(bytes + at);
	     at += 2U + wire_get16(bytes + at)) {
		uint8_t *message = bytes + at + 2;
		if (wire_get16(bytes + at) < WIRE_HEADER_BYTES)
			continue;
		if (wire_get16(message) < QUERIES)
			memcpy(message, queries + wire_get16(message) * QUERY_BYTES + 2, 2);
		for (size_t i = 0; i < QUERIES; i++)
			if (!over[i] && memcmp(message, queries + i * QUERY_BYTES + 2, 2) == 0) {
				over[i] = true;
				all[i].due = (message[2] & 0x80) != 0;
			}
	}
}

static void send_pieces(int fd, const uint8_t *bytes, size_t size, size_t piece_bytes)
{
	for (size_t at = 0, turn = 0; at < size; turn++) {
		const size_t left = size - at;
		must(turn < TURNS_MAX);
		const ssize_t n = send(fd, bytes + at, left < piece_bytes ? left : piece_bytes, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return;
		at += n > 0 ? (size_t)n : 0;
		ev_run(loop, EVRUN_NOWAIT);
	}
}

static bool all_ended(const struct asked *all)
{
	return all[0].ended && all[1].ended && all[2].ended;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t queries[QUERIES * QUERY_BYTES], *bytes;
	struct asked all[QUERIES] = {0};

	if (size < 2)
		return 0;
	if (loop == NULL)
		begin();
	struct stream *s = stream_new(loop, &server);
	for (uint8_t i = 0; i < QUERIES; i++) {
		all[i] = (struct asked){.out = {0, WIRE_HEADER_BYTES, 0xab, i}};
		all[i].query = (struct stream_query){.out = all[i].out, .out_bytes = QUERY_BYTES, .done = on_done};
		must(stream_ask(s, &all[i].query));
	}
	int fd = accept_queries(queries);
	bytes = malloc(size - 1);
	must(bytes != NULL);
	memcpy(bytes, data + 1, size - 1);
	expect(bytes, size - 1, queries, all);
	send_pieces(fd, bytes, size - 1, data[0] + 1U);
	reset(fd);
	for (unsigned turn = 0; !all_ended(all); turn++) { /* a second connection gets nothing */
		must(turn < TURNS_MAX);
		ev_run(loop, EVRUN_NOWAIT);
		if ((fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC)) >= 0)
			reset(fd);
	}
	for (size_t i = 0; i < QUERIES; i++)
		must(all[i].replied == all[i].due);
	stream_free(s);
	free(bytes);
	return 0;
}
