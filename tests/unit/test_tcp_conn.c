/* Connections of DNS clients: whose turn it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/event_loop.h"
#include "dns/server/tcp_conn.h"
#include "dns/zone/rcu.h"
#include "tests/unit/dns_lab.h"
#include "tests/unit/loop_until.h"

#define QUERIES 60
#define BIG "big.default.svc.cluster.local"

static struct lab lab;

struct scene {
	struct conns conns;
	struct transfer_threads transfers;
};

static int setup(void **state)
{
	static struct scene s;

	lab_init(&lab);
	lab_put(&lab, lab_big(250));
	memset(&s, 0, sizeof s);
	s.conns.loop = event_loop_new();
	s.conns.responder = (struct responder){.config = &lab.config, .counts = &lab.counts};
	s.conns.transfers = &s.transfers;
	s.conns.max = 16;
	TAILQ_INIT(&s.conns.list);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	while (conns_close_idle(&s->conns))
		;
	ev_loop_destroy(s->conns.loop);
	lab_fini(&lab);
	return 0;
}

/* The client's end of a connection on which so many queries have come. */
static int client(struct scene *s, const char *name, unsigned type, unsigned queries)
{
	const struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_storage ss = {0};
	uint8_t message[512];
	int ends[2];

	memcpy(&ss, &from, sizeof from);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	const size_t length = lab_query(message + 2, name, type, CLASS_IN, 0);
	wire_put16(message, (unsigned)length);
	for (unsigned i = 0; i < queries; i++)
		assert_int_equal(send(ends[1], message, length + 2, 0), length + 2);
	conns_open(&s->conns, ends[0], &ss);
	return ends[1];
}

static int readable(int fd)
{
	int bytes = 0;

	assert_int_equal(ioctl(fd, FIONREAD, &bytes), 0);
	return bytes;
}

/* Many queries with large answers at once: a client that asks one is answered in between. */
static void large_replies_take_turns(void **state)
{
	struct scene *s = *state;
	int greedy = client(s, BIG, TYPE_SRV, QUERIES), other = client(s, "x." BIG, TYPE_A, 1);

	LOOP_UNTIL(s->conns.loop, readable(other) > 0);
	assert_in_range(readable(greedy), 0, WIRE_MESSAGE_BYTES);
	close(greedy);
	close(other);
}

/* What has come is answered without a further byte of the client, also when it will send no more. */
static void all_that_came_is_answered(void **state)
{
	struct scene *s = *state;
	int fd = client(s, BIG, TYPE_SRV, QUERIES);
	static uint8_t bytes[QUERIES * (2 + WIRE_MESSAGE_BYTES)];
	size_t got = 0, replies = 0;
	ssize_t n = -1;

	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	LOOP_UNTIL(s->conns.loop,
		   (n = recv(fd, bytes + got, sizeof bytes - got, 0)) == 0 || (got += n > 0 ? (size_t)n : 0, false));
	for (size_t at = 0; at < got; replies++)
		at += 2U + wire_get16(bytes + at);
	assert_int_equal(replies, QUERIES);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(large_replies_take_turns, setup, teardown),
		cmocka_unit_test_setup_teardown(all_that_came_is_answered, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
