/* The relay's TCP connections when one side has ended, and when no place is free. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sock.h"
#include "relay/relay_tcp.h"

#define TURNS_MAX 2000 /* of 10 ms */

static const struct addr loopback = {.family = AF_INET, .bytes = {127, 0, 0, 1}};

/* An endpoint that listens; what clients connect to is a socket pair of the test. */
struct fixture {
	struct ev_loop *loop;
	ev_timer tick;
	struct relay_tcp_counts counts;
	struct relay_tcp *tcp;
	struct target target;
	int backend;
};

static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void setup(struct fixture *f, const struct relay_tcp_limits *limits)
{
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t length = sock_address(&ss, &loopback, 0);

	*f = (struct fixture){.loop = ev_loop_new(0), .target = {.addr = loopback}};
	f->backend = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->backend, (void *)&ss, length), 0);
	assert_int_equal(listen(f->backend, 64), 0);
	assert_int_equal(getsockname(f->backend, (void *)&ss, &length), 0);
	f->target.port = sock_parse(&a, &ss);
	ev_timer_init(&f->tick, on_tick, 0.01, 0.01);
	ev_timer_start(f->loop, &f->tick);
	f->tcp = relay_tcp_new(f->loop, &f->counts, limits);
}

static void teardown(struct fixture *f)
{
	relay_tcp_free(f->tcp);
	close(f->backend);
	ev_timer_stop(f->loop, &f->tick);
	ev_loop_destroy(f->loop);
}

/* A client of the port that is connected through the relay. *server: the endpoint's side. */
static int client_open(struct fixture *f, struct relay_tcp_port *port, int *server)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	assert_true(relay_tcp_room(port));
	relay_tcp_connect(port, pair[1], &f->target);
	*server = accept4(f->backend, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(*server >= 0);
	ev_run(f->loop, 0);
	return pair[0];
}

/* Runs the loop until something can be read; returns what recv does. */
static ssize_t receive(struct fixture *f, int fd)
{
	char byte;
	ssize_t n = -1;

	for (int i = 0; i < TURNS_MAX; i++) {
		ev_run(f->loop, 0);
		n = recv(fd, &byte, 1, 0);
		if (n >= 0 || errno != EAGAIN)
			return n;
	}
	fail_msg("nothing came");
	return n;
}

static bool is_open(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

static void half_closed_connections_end(void **state)
{
	const struct relay_tcp_limits limits = {.connections_max = 8, .half_closed_s = 0.5, .idle_s = 100};
	struct fixture f;
	int server;

	(void)state;
	setup(&f, &limits);
	struct relay_tcp_port *port = relay_tcp_port_new(f.tcp);
	int open_server, open_client = client_open(&f, port, &open_server);
	int client = client_open(&f, port, &server);
	shutdown(client, SHUT_WR);
	assert_int_equal(receive(&f, server), 0);
	const ev_tstamp start = ev_time();
	for (int i = 0; i < 4; i++) { /* bytes the other way keep it open: longer than the limit in all */
		assert_int_equal(send(server, "x", 1, MSG_NOSIGNAL), 1);
		assert_int_equal(receive(&f, client), 1);
		for (int turn = 0; turn < 20; turn++)
			ev_run(f.loop, 0);
	}
	assert_true(ev_time() - start > limits.half_closed_s);
	assert_true(receive(&f, client) <= 0);			  /* it ends without a word of the server */
	assert_int_equal(send(server, "x", 1, MSG_NOSIGNAL), -1); /* by a reset */
	assert_true(is_open(open_client) && is_open(open_server));
	assert_int_equal(f.counts.open, 1);
	close(client);
	close(server);
	relay_tcp_port_close(port);
	teardown(&f);
	close(open_client);
	close(open_server);
}

/* One port that takes every place gives up those idle for longest until both have the same. */
static void ports_share_the_places(void **state)
{
	const struct relay_tcp_limits limits = {.connections_max = 4, .half_closed_s = 100, .idle_s = 100};
	int clients[6], servers[6];
	struct fixture f;

	(void)state;
	setup(&f, &limits);
	struct relay_tcp_port *greedy = relay_tcp_port_new(f.tcp), *other = relay_tcp_port_new(f.tcp);
	for (int i = 0; i < 4; i++)
		clients[i] = client_open(&f, greedy, &servers[i]);
	assert_false(relay_tcp_room(greedy)); /* all of them were used just now */
	assert_int_equal(send(clients[0], "x", 1, 0), 1);
	assert_int_equal(receive(&f, servers[0]), 1); /* from now on the second is idle for longest */
	clients[4] = client_open(&f, other, &servers[4]);
	assert_false(is_open(clients[1]));
	assert_true(is_open(clients[0]) && is_open(clients[2]) && is_open(clients[3]));
	clients[5] = client_open(&f, other, &servers[5]);
	assert_false(is_open(clients[2]));
	assert_false(relay_tcp_room(other)); /* two each */
	assert_false(relay_tcp_room(greedy));
	assert_int_equal(f.counts.evicted, 2);
	relay_tcp_port_close(greedy); /* its connections go on */
	relay_tcp_port_close(other);
	assert_true(is_open(clients[0]) && is_open(clients[4]));
	teardown(&f);
	for (int i = 0; i < 6; i++) {
		close(clients[i]);
		close(servers[i]);
	}
}

static void idle_connection_makes_room_in_its_port(void **state)
{
	const struct relay_tcp_limits limits = {.connections_max = 2, .half_closed_s = 100, .idle_s = 0.3};
	int clients[3], servers[3];
	struct fixture f;

	(void)state;
	setup(&f, &limits);
	struct relay_tcp_port *port = relay_tcp_port_new(f.tcp);
	for (int i = 0; i < 2; i++)
		clients[i] = client_open(&f, port, &servers[i]);
	assert_false(relay_tcp_room(port));
	for (ev_tstamp end = ev_time() + 0.4; ev_time() < end;)
		ev_run(f.loop, 0);
	assert_int_equal(send(clients[0], "x", 1, 0), 1);
	assert_int_equal(receive(&f, servers[0]), 1);
	clients[2] = client_open(&f, port, &servers[2]);
	assert_true(is_open(clients[0]));
	assert_false(is_open(clients[1]));
	relay_tcp_port_close(port);
	teardown(&f);
	for (int i = 0; i < 3; i++) {
		close(clients[i]);
		close(servers[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_closed_connections_end),
		cmocka_unit_test(ports_share_the_places),
		cmocka_unit_test(idle_connection_makes_room_in_its_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
