/* The relay's table of UDP sessions when it is full, and when sessions fall silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <ev.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sock.h"
#include "relay/relay_udp.h"

#define LIMIT_MS 20000

static const struct addr loopback = {.family = AF_INET, .bytes = {127, 0, 0, 1}};
static const uint16_t slots[] = {0};

/* A node port whose endpoint is a socket of the test. */
struct fixture {
	struct ev_loop *loop;
	struct relay_udp_counts counts;
	struct relay_udp *udp;
	struct target target;
	struct service_port service_port;
	struct service service;
	struct relay_choice choice;
	struct relay_plan *plan;
	struct relay_udp_port port;
	uint16_t number; /* that clients dial */
	int backend;
};

static int bound(uint16_t *port)
{
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t length = sock_address(&ss, &loopback, 0);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (void *)&ss, length), 0);
	assert_int_equal(getsockname(fd, (void *)&ss, &length), 0);
	*port = sock_parse(&a, &ss);
	return fd;
}

static void setup(struct fixture *f, unsigned sessions_max, double idle_s)
{
	*f = (struct fixture){.loop = ev_loop_new(0)};
	f->backend = bound(&f->target.port);
	f->target.addr = loopback;
	f->target.flags = TARGET_READY | TARGET_SERVING | TARGET_IN_CLUSTER;
	f->service_port = (struct service_port){.name = "",
						.node_port = 30000,
						.proto = IPPROTO_UDP,
						.family = AF_INET,
						.target_count = 1,
						.targets = &f->target,
						.cluster = {.size = 1, .count = 1, .slots = slots}};
	f->service = (struct service){
		.ns = "prod", .name = "dns", .proxied = true, .port_count = 1, .ports = &f->service_port};
	f->plan = relay_plan_new(&f->service, 0);
	f->udp = relay_udp_new(f->loop, &f->counts, sessions_max, idle_s);
	f->port = (struct relay_udp_port){.plan = f->plan, .choice = &f->choice};
	f->port.fd = bound(&f->number);
}

static void teardown(struct fixture *f)
{
	relay_udp_close(&f->port);
	relay_udp_free(f->udp);
	relay_plan_free(f->plan);
	close(f->port.fd);
	close(f->backend);
	ev_loop_destroy(f->loop);
}

static int client_send(const struct fixture *f)
{
	struct sockaddr_storage ss;
	socklen_t length = sock_address(&ss, &loopback, f->number);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (void *)&ss, length), 0);
	assert_int_equal(send(fd, "ping", 4, 0), 4);
	return fd;
}

static void stop(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* Even over loopback a datagram may take a moment. */
static void arrived(int fd)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&pollfd, 1, LIMIT_MS), 1);
}

static void relayed(struct fixture *f)
{
	arrived(f->port.fd);
	relay_udp_receive(f->udp, &f->port);
}

/* Answers at the backend once, then runs the loop until the client has it. False: it does not come. */
static bool answered(struct fixture *f, int client, uint64_t limit_ms)
{
	struct sockaddr_storage from;
	socklen_t length = sizeof from;
	const uint64_t end_ms = clock_ms() + limit_ms;
	char text[8];
	ev_timer tick;
	bool came = false;

	arrived(f->backend);
	assert_int_equal(recvfrom(f->backend, text, sizeof text, 0, (void *)&from, &length), 4);
	assert_int_equal(sendto(f->backend, "pong!", 5, 0, (void *)&from, length), 5);
	ev_timer_init(&tick, stop, 0.002, 0.002);
	ev_timer_start(f->loop, &tick);
	while (!came && clock_ms() < end_ms) {
		ev_run(f->loop, 0);
		came = recv(client, text, sizeof text, 0) == 5;
	}
	ev_timer_stop(f->loop, &tick);
	return came;
}

static void full_table_ends_the_one_idle_for_longest(void **state)
{
	struct fixture f;
	int clients[3];

	(void)state;
	setup(&f, 2, 60);
	for (int i = 0; i < 2; i++) {
		clients[i] = client_send(&f);
		relayed(&f);
		assert_true(answered(&f, clients[i], LIMIT_MS));
	}
	assert_int_equal(send(clients[0], "ping", 4, 0), 4); /* now the second is the one idle for longest */
	relayed(&f);
	assert_true(answered(&f, clients[0], LIMIT_MS));
	assert_int_equal(f.counts.evicted, 0);
	clients[2] = client_send(&f);
	relayed(&f);
	assert_true(answered(&f, clients[2], LIMIT_MS));
	assert_int_equal(f.counts.evicted, 1);
	assert_int_equal(f.counts.open, 2);
	assert_int_equal(f.counts.sessions, 3);
	assert_int_equal(send(clients[0], "ping", 4, 0), 4); /* still the session it had */
	relayed(&f);
	assert_true(answered(&f, clients[0], LIMIT_MS));
	assert_int_equal(f.counts.sessions, 3);
	for (int i = 0; i < 3; i++)
		close(clients[i]);
	teardown(&f);
}

static void silence_ends_a_session(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 10, 0.05);
	int client = client_send(&f);
	relayed(&f);
	assert_int_equal(f.counts.open, 1);
	ev_run(f.loop, EVRUN_ONCE); /* nothing but the timer that looks for silence */
	for (const uint64_t end_ms = clock_ms() + LIMIT_MS; f.counts.open != 0 && clock_ms() < end_ms;)
		ev_run(f.loop, EVRUN_ONCE);
	assert_int_equal(f.counts.open, 0);
	close(client);
	teardown(&f);
}

static void endpoint_that_serves_no_more_loses_its_sessions(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 10, 60);
	int client = client_send(&f);
	relayed(&f);
	relay_udp_review(&f.port);
	assert_int_equal(f.counts.open, 1);
	f.plan->targets[0].flags = TARGET_SERVING | TARGET_TERMINATING;
	relay_udp_review(&f.port); /* terminating but serving: kept (A.7) */
	assert_int_equal(f.counts.open, 1);
	f.plan->targets[0].flags = TARGET_TERMINATING;
	relay_udp_review(&f.port);
	assert_int_equal(f.counts.open, 0);
	close(client);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_table_ends_the_one_idle_for_longest),
		cmocka_unit_test(silence_ends_a_session),
		cmocka_unit_test(endpoint_that_serves_no_more_loses_its_sessions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
