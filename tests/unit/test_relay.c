/* Localhost node ports: the plan as a pure function, and the relay itself between real sockets on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/relay_fixture.h"

/* ---- plans ---- */

/* ---- traffic ---- */

static int bound(int family, int type, uint16_t *port)
{
	struct sockaddr_storage ss;
	struct addr a = loopback(family);
	socklen_t length = sock_address(&ss, &a, 0);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (void *)&ss, length), 0);
	assert_int_equal(getsockname(fd, (void *)&ss, &length), 0);
	*port = sock_parse(&a, &ss);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static int dial(int family, int type, uint16_t port)
{
	const struct timeval limit = {.tv_sec = LIMIT_MS / 1000};
	struct sockaddr_storage ss;
	struct addr a = loopback(family);
	socklen_t length = sock_address(&ss, &a, port);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, (void *)&ss, length) == 0)
		return fd;
	close(fd);
	return -1;
}

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

/* The relay works in its own thread: waits until the port listens (or no longer does). */
static int dial_until(int family, uint16_t port, bool listens)
{
	for (int i = 0; i < LIMIT_MS / 5; i++) {
		int fd = dial(family, SOCK_STREAM, port);
		if ((fd >= 0) == listens)
			return fd;
		if (fd >= 0)
			close(fd);
		nap();
	}
	fail_msg("port %u does%s listen", port, listens ? " not" : "");
	return -1;
}

static double figure(struct metrics *m, const char *name)
{
	struct buf page = {0};
	double value;

	metrics_render(m, &page);
	char *at = strstr(page.data, name);
	assert_non_null(at);
	value = strtod(strchr(at, ' '), NULL);
	buf_fini(&page);
	return value;
}

static void figure_wait(struct metrics *m, const char *name, double want)
{
	for (int i = 0; i < LIMIT_MS / 5 && figure(m, name) != want; i++)
		nap();
	assert_true(figure(m, name) == want);
}

static void *pour(void *arg)
{
	static const char block[65536];
	int fd = *(int *)arg;

	for (size_t sent = 0; sent < VOLUME; sent += sizeof block)
		assert_int_equal(send(fd, block, sizeof block, MSG_NOSIGNAL), sizeof block);
	shutdown(fd, SHUT_WR);
	return NULL;
}

static size_t drain(int fd)
{
	static char block[65536];
	size_t have = 0;
	ssize_t n;

	while ((n = read(fd, block, sizeof block)) > 0)
		have += (size_t)n;
	assert_int_equal(n, 0);
	return have;
}

static void tcp_both_families(void **state)
{
	struct metrics *m = metrics_new();
	struct relay *r = relay_start(m, NULL, NULL);
	struct fixture f;
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 2; i++) {
		int family = i == 0 ? AF_INET : AF_INET6;
		uint16_t backend_port;
		int backend = bound(family, SOCK_STREAM, &backend_port);
		uint16_t node_port = freeport(SOCK_STREAM);
		relay_update(r, NULL, service_at(&f, family, IPPROTO_TCP, node_port, backend_port));
		int client = dial_until(family, node_port, true);
		int server = accept(backend, NULL, NULL);

		assert_int_equal(pthread_create(&thread, NULL, pour, &client), 0);
		nap(); /* let it fill the buffers: the relay must hold back */
		assert_int_equal(drain(server), VOLUME);
		pthread_join(thread, NULL);
		assert_int_equal(pthread_create(&thread, NULL, pour, &server), 0); /* the other half is still open */
		assert_int_equal(drain(client), VOLUME);
		pthread_join(thread, NULL);
		close(client);
		close(server);
		figure_wait(m, "fairlead_localhost_nodeport_open{protocol=\"TCP\"}", 0);

		relay_update(r, &f.service, NULL);
		assert_int_equal(dial_until(family, node_port, false), -1);
		close(backend);
	}
	assert_true(figure(m, "connections_total{protocol=\"TCP\"}") >= 2);
	assert_true(figure(m, "fairlead_localhost_nodeport_listeners{protocol=\"TCP\"}") == 0);
	relay_stop(r);
	metrics_free(m);
}

static void tcp_resets_and_refusals(void **state)
{
	struct relay *r = relay_start(NULL, NULL, NULL);
	uint16_t backend_port, node_port = freeport(SOCK_STREAM);
	int backend = bound(AF_INET, SOCK_STREAM, &backend_port);
	struct fixture f, none;
	char byte = 0;

	(void)state;
	relay_update(r, NULL, service_at(&f, AF_INET, IPPROTO_TCP, node_port, backend_port));
	int client = dial_until(AF_INET, node_port, true);
	int server = accept(backend, NULL, NULL);
	sock_reset(server); /* the server's reset reaches the client */
	assert_int_equal(read(client, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(client);

	client = dial_until(AF_INET, node_port, true);
	server = accept(backend, NULL, NULL);
	service_make(&none, AF_INET, IPPROTO_TCP, node_port); /* no endpoint: refused; the open connection stays */
	none.port.cluster = (struct pool){0};
	relay_update(r, &f.service, &none.service);
	assert_int_equal(dial_until(AF_INET, node_port, false), -1);
	assert_int_equal(write(client, "x", 1), 1);
	assert_int_equal(read(server, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(client);
	assert_int_equal(read(server, &byte, 1), 0);
	close(server);

	relay_update(r, &none.service, &f.service);
	close(backend); /* endpoint in the rules, but nothing listens there */
	client = dial_until(AF_INET, node_port, true);
	assert_int_equal(read(client, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	close(client);
	relay_stop(r);
}

static void taken_port_is_left_alone(void **state)
{
	struct metrics *m = metrics_new();
	struct relay *r = relay_start(m, NULL, NULL);
	struct fixture f, moved;
	uint16_t taken, other = freeport(SOCK_STREAM);
	int holder = bound(AF_INET, SOCK_STREAM, &taken);

	(void)state;
	service_make(&f, AF_INET, IPPROTO_TCP, taken);
	relay_update(r, NULL, &f.service);
	service_make(&moved, AF_INET, IPPROTO_TCP, other);
	relay_update(r, &f.service, &moved.service);
	close(dial_until(AF_INET, other, true));
	assert_true(figure(m, "fairlead_localhost_nodeport_listeners{protocol=\"TCP\"}") == 1);
	relay_update(r, &moved.service, &f.service);
	assert_int_equal(dial_until(AF_INET, other, false), -1);
	close(holder); /* free again: taken at the next try */
	close(dial_until(AF_INET, taken, true));
	relay_stop(r);
	metrics_free(m);
}

/* Dials until the backend has it: the plan changes in another thread. */
static void reach_until(uint16_t node_port, int backend)
{
	struct pollfd pollfd = {.fd = backend, .events = POLLIN};

	for (int tries = 0; tries < 100; tries++) {
		int client = dial_until(AF_INET, node_port, true);
		int got = poll(&pollfd, 1, 100);
		close(client);
		if (got == 1) {
			close(accept(backend, NULL, NULL));
			return;
		}
	}
	fail_msg("port %u does not lead there", node_port);
}

/* The first by name has it, not the first that came; when that one goes, the other one gets it. */
static void two_services_one_port(void **state)
{
	struct metrics *m = metrics_new();
	uint16_t node_port = freeport(SOCK_STREAM), ports[2];
	int backends[2] = {bound(AF_INET, SOCK_STREAM, &ports[0]), bound(AF_INET, SOCK_STREAM, &ports[1])};
	struct fixture fixtures[2];
	const struct service *known[] = {&fixtures[0].service, &fixtures[1].service, NULL};
	struct relay *r = relay_start(m, find_in, known);

	(void)state;
	for (int i = 0; i < 2; i++) {
		service_make(&fixtures[i], AF_INET, IPPROTO_TCP, node_port);
		fixtures[i].targets[0].port = fixtures[i].targets[1].port = ports[i];
	}
	fixtures[1].service.name = "web2"; /* behind web */
	for (int first = 0; first < 2; first++) {
		relay_update(r, NULL, known[first]);
		relay_update(r, NULL, known[1 - first]); /* a warning */
		figure_wait(m, "fairlead_localhost_nodeport_listeners{protocol=\"TCP\"}", 1);
		reach_until(node_port, backends[0]);
		relay_update(r, known[1], NULL);
		relay_update(r, NULL, known[1]);
		relay_update(r, known[0], NULL);
		reach_until(node_port, backends[1]);
		relay_update(r, known[1], NULL);
		figure_wait(m, "fairlead_localhost_nodeport_listeners{protocol=\"TCP\"}", 0);
	}
	/* An older one comes before, also when it takes the place of a younger one of its name. */
	relay_update(r, NULL, known[0]);
	relay_update(r, NULL, known[1]);
	reach_until(node_port, backends[0]);
	struct service older = fixtures[1].service;
	older.created_s = 100;
	known[1] = &older;
	relay_update(r, &fixtures[1].service, &older);
	reach_until(node_port, backends[1]);
	relay_update(r, &older, NULL);
	reach_until(node_port, backends[0]);
	relay_update(r, known[0], NULL);
	figure_wait(m, "fairlead_localhost_nodeport_listeners{protocol=\"TCP\"}", 0);
	relay_stop(r);
	close(backends[0]);
	close(backends[1]);
	metrics_free(m);
}

/* Sends until the backend has it: the listening socket opens in another thread. Returns the relay's address. */
static struct sockaddr_storage datagram_until(int client, int backend)
{
	struct pollfd pollfd = {.fd = backend, .events = POLLIN};
	struct sockaddr_storage from = {0};
	socklen_t length = sizeof from;
	char text[8];

	for (int i = 0; i < LIMIT_MS / 5; i++) {
		(void)!send(client, "ping", 4, 0); /* refused while nothing listens */
		if (poll(&pollfd, 1, 5) > 0) {
			assert_int_equal(recvfrom(backend, text, sizeof text, 0, (void *)&from, &length), 4);
			return from;
		}
	}
	fail_msg("no datagram came through");
	return from;
}

static void udp_sessions(void **state)
{
	struct metrics *m = metrics_new();
	struct relay *r = relay_start(m, NULL, NULL);

	(void)state;
	for (int i = 0; i < 2; i++) {
		int family = i == 0 ? AF_INET : AF_INET6;
		uint16_t ports[2], node_port = freeport(SOCK_DGRAM);
		int old = bound(family, SOCK_DGRAM, &ports[0]), new = bound(family, SOCK_DGRAM, &ports[1]);
		struct fixture f, next;
		char text[8];

		relay_update(r, NULL, service_at(&f, family, IPPROTO_UDP, node_port, ports[0]));
		int client = dial(family, SOCK_DGRAM, node_port);
		struct sockaddr_storage from = datagram_until(client, old);
		assert_int_equal(sendto(old, "pong!", 5, 0, (void *)&from, sizeof from), 5);
		ssize_t n;
		while ((n = recv(client, text, sizeof text, 0)) < 0 && errno == ECONNREFUSED)
			continue;
		assert_int_equal(n, 5);
		assert_memory_equal(text, "pong!", 5);
		assert_true(figure(m, "fairlead_localhost_nodeport_open{protocol=\"UDP\"}") == 1);

		/* the endpoint is replaced: so is the session */
		relay_update(r, &f.service, service_at(&next, family, IPPROTO_UDP, node_port, ports[1]));
		datagram_until(client, new);
		relay_update(r, &next.service, NULL);
		figure_wait(m, "fairlead_localhost_nodeport_open{protocol=\"UDP\"}", 0);
		close(client);
		close(old);
		close(new);
	}
	relay_stop(r);
	metrics_free(m);
}

/* Stopping with everything open gives everything back; the sanitizer's leak check decides. */
static void stop_in_full_run(void **state)
{
	struct relay *r = relay_start(NULL, NULL, NULL);
	uint16_t backend_port, node_port = freeport(SOCK_STREAM);
	int backend = bound(AF_INET, SOCK_STREAM, &backend_port);
	struct fixture f;
	char byte;

	(void)state;
	relay_update(r, NULL, service_at(&f, AF_INET, IPPROTO_TCP, node_port, backend_port));
	int client = dial_until(AF_INET, node_port, true);
	int server = accept(backend, NULL, NULL);
	relay_stop(r);
	assert_int_equal(read(client, &byte, 1), -1);
	close(client);
	close(server);
	close(backend);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_both_families),
		cmocka_unit_test(tcp_resets_and_refusals),
		cmocka_unit_test(taken_port_is_left_alone),
		cmocka_unit_test(two_services_one_port),
		cmocka_unit_test(udp_sessions),
		cmocka_unit_test(stop_in_full_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
