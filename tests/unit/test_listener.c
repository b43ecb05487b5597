/* Listeners on loopback: addresses that are taken, descriptors that run out, room that is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/listener.h"
#include "base/sock.h"
#include "tests/unit/freeport.h"
#include "tests/unit/stderrlines.h"

#define TURNS_MAX 2000 /* of 10 ms: for conditions that come true at once, or at the next try after 5 s */

struct scene {
	struct ev_loop *loop;
	ev_timer tick;
	struct listeners *group;
	int accepted, readable, bound, asked, starved, kept;
	bool no_room;
};

static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w, (void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void scene_init(struct scene *s)
{
	*s = (struct scene){.loop = ev_loop_new(0)};
	ev_timer_init(&s->tick, on_tick, 0.01, 0.01);
	ev_timer_start(s->loop, &s->tick);
	s->group = listeners_new(s->loop);
}

static void scene_fini(struct scene *s)
{
	listeners_free(s->group);
	ev_timer_stop(s->loop, &s->tick);
	ev_loop_destroy(s->loop);
}

static void wait_for(struct scene *s, const int *count, int want)
{
	for (int i = 0; i < TURNS_MAX && *count != want; i++)
		ev_run(s->loop, 0);
	assert_int_equal(*count, want);
}

static void on_accepted(void *ctx, int fd, const struct sockaddr_storage *from)
{
	struct scene *s = ctx;

	assert_true(from->ss_family == AF_INET || from->ss_family == AF_INET6);
	s->accepted++;
	close(fd);
}

static void on_readable(void *ctx, int fd)
{
	struct scene *s = ctx;
	char bytes[16];

	while (recv(fd, bytes, sizeof bytes, 0) > 0)
		s->readable++;
}

static void on_bound(void *ctx, int fd)
{
	struct scene *s = ctx;

	assert_true(fd >= 0);
	s->bound++;
}

static bool room(void *ctx, bool starved)
{
	struct scene *s = ctx;

	s->asked++;
	s->starved += starved;
	return !starved && !s->no_room;
}

static struct listener_config config_of(struct scene *s, uint16_t port)
{
	return (struct listener_config){.what = "test",
					.at = {.at = {.addr = {AF_INET, {127, 0, 0, 1}}, .port = port}},
					.accepted = on_accepted,
					.bound = on_bound,
					.ctx = s};
}

static int dial(int family, int type, uint16_t port)
{
	const struct addr to =
		family == AF_INET ? (struct addr){AF_INET, {127, 0, 0, 1}} : (struct addr){AF_INET6, {[15] = 1}};
	struct sockaddr_storage ss;
	const socklen_t bytes = sock_address(&ss, &to, port);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&ss, bytes), 0);
	return fd;
}

static void accepts_of_one_or_both_families(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	struct listener_config config = config_of(&s, freeport(SOCK_STREAM));
	struct listener *l = listener_open(s.group, &config);
	assert_int_equal(s.bound, 1);
	assert_true(listener_fd(l) >= 0);
	int client = dial(AF_INET, SOCK_STREAM, config.at.at.port);
	wait_for(&s, &s.accepted, 1);
	close(client);
	listener_close(l);
	config.at = (struct listen_at){.at = {.addr = {AF_INET6, {0}}, .port = freeport(SOCK_STREAM)}, .dual = true};
	l = listener_open(s.group, &config);
	int clients[] = {dial(AF_INET, SOCK_STREAM, config.at.at.port), dial(AF_INET6, SOCK_STREAM, config.at.at.port)};
	wait_for(&s, &s.accepted, 3);
	close(clients[0]);
	close(clients[1]);
	listener_close(l);
	scene_fini(&s);
}

static void datagrams(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	struct listener_config config = config_of(&s, freeport(SOCK_DGRAM));
	config.at.datagram = true;
	config.accepted = NULL;
	config.readable = on_readable;
	struct listener *l = listener_open(s.group, &config);
	int client = dial(AF_INET, SOCK_DGRAM, config.at.at.port);
	assert_int_equal(send(client, "ping", 4, 0), 4);
	wait_for(&s, &s.readable, 1);
	close(client);
	listener_close(l);
	scene_fini(&s);
}

/* One line when it is taken, one when it listens; by itself after 5 s, or at once when asked. */
static void taken_address_is_tried_again(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	struct listener_config config = config_of(&s, freeport(SOCK_STREAM));
	int holder = listener_socket(&config.at);
	assert_true(holder >= 0);
	struct stderr_lines lines = stderr_lines_begin();
	struct listener *l = listener_open(s.group, &config);
	assert_int_equal(listener_fd(l), -1);
	listeners_retry(s.group);
	assert_int_equal(s.bound, 0);
	close(holder);
	wait_for(&s, &s.bound, 1);
	assert_int_equal(stderr_lines_end(&lines), 2);
	listener_close(l);
	holder = listener_socket(&config.at);
	l = listener_open(s.group, &config);
	close(holder);
	listeners_retry(s.group);
	assert_int_equal(s.bound, 2);
	listener_close(l);
	assert_string_equal(listener_reason(EADDRINUSE), "in use by another program");
	scene_fini(&s);
}

/* Closed while it waits: nothing is left of it. */
static void closed_before_it_listens(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	struct listener_config config = config_of(&s, freeport(SOCK_STREAM));
	int holder = listener_socket(&config.at);
	listener_close(listener_open(s.group, &config));
	close(holder);
	listeners_retry(s.group);
	assert_int_equal(s.bound, 0);
	scene_fini(&s);
}

/* Nothing is accepted and the loop sleeps; the client is served as soon as there is room. */
static void no_room_is_a_pause(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	struct listener_config config = config_of(&s, freeport(SOCK_STREAM));
	config.room = room;
	s.no_room = true;
	struct listener *l = listener_open(s.group, &config);
	int client = dial(AF_INET, SOCK_STREAM, config.at.at.port);
	for (int i = 0; i < 50; i++)
		ev_run(s.loop, 0);
	assert_int_equal(s.accepted, 0);
	assert_in_range(s.asked, 2, 100); /* every 100 ms */
	s.no_room = false;
	wait_for(&s, &s.accepted, 1);
	close(client);
	client = dial(AF_INET, SOCK_STREAM, config.at.at.port);
	s.no_room = true;
	for (int i = 0; i < 5; i++)
		ev_run(s.loop, 0);
	listener_close(l); /* while paused */
	close(client);
	scene_fini(&s);
}

/* Turns of a loop in half a second that one tick in 10 ms ends; a busy one makes hundreds of thousands. */
static int turns_of(struct ev_loop *loop)
{
	int turns = 0;

	for (ev_tstamp end = ev_time() + 0.5; ev_time() < end; turns++)
		ev_run(loop, EVRUN_ONCE);
	return turns;
}

/* Neither binding nor accepting spins, many ports are one line, and all of it works once there are some again. */
static void no_descriptors(void **state)
{
	struct rlimit before, none;
	struct listener *waiting[3];
	struct scene s;

	(void)state;
	scene_init(&s);
	struct listener_config config = config_of(&s, freeport(SOCK_STREAM));
	struct listener *l = listener_open(s.group, &config);
	int client = dial(AF_INET, SOCK_STREAM, config.at.at.port);
	struct stderr_lines lines = stderr_lines_begin();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (size_t i = 0; i < 3; i++) {
		config.at.at.addr.bytes[3] = (uint8_t)(2 + i); /* 127.0.0.2, … */
		waiting[i] = listener_open(s.group, &config);
	}
	int turns = turns_of(s.loop);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(turns < 1000);
	assert_int_equal(s.accepted, 0);
	assert_int_equal(s.bound, 1);
	wait_for(&s, &s.accepted, 1);
	listeners_retry(s.group);
	assert_int_equal(s.bound, 4);
	assert_int_equal(stderr_lines_end(&lines), 2);
	for (size_t i = 0; i < 3; i++)
		listener_close(waiting[i]);
	close(client);
	listener_close(l);
	scene_fini(&s);
}

static void keep_accepted(void *ctx, int fd, const struct sockaddr_storage *from)
{
	struct scene *s = ctx;

	(void)from;
	s->accepted++;
	s->kept = fd;
}

/* The connection that gets the last descriptor is no reason to make room: no other one waits. */
static void the_last_descriptor(void **state)
{
	struct rlimit before;
	struct scene s;

	(void)state;
	scene_init(&s);
	struct listener_config config = config_of(&s, freeport(SOCK_STREAM));
	config.accepted = keep_accepted;
	config.room = room;
	struct listener *l = listener_open(s.group, &config);
	int client = dial(AF_INET, SOCK_STREAM, config.at.at.port), next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	const struct rlimit last = {.rlim_cur = (rlim_t)next + 1, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &last), 0);
	wait_for(&s, &s.accepted, 1);
	for (int i = 0; i < 5; i++)
		ev_run(s.loop, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(s.starved, 0);
	close(s.kept);
	close(client);
	listener_close(l);
	scene_fini(&s);
}

/* Last, for it limits the whole program: a Service's port waits while its part is used up, our own does not. */
static void services_part_is_used_up(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	assert_true(descriptors_raise() > 0);
	const unsigned all = descriptors_left();
	struct listener_config config = config_of(&s, freeport(SOCK_STREAM));
	config.of_service = true;
	struct listener *first = listener_open(s.group, &config);
	assert_int_equal(descriptors_left(), all - 1);
	assert_true(descriptors_take(all - 1));
	config.at.at.port = freeport(SOCK_STREAM);
	struct listener *second = listener_open(s.group, &config);
	assert_int_equal(s.bound, 1);
	config.of_service = false;
	config.at.at.port = freeport(SOCK_STREAM);
	struct listener *own = listener_open(s.group, &config);
	assert_int_equal(s.bound, 2);
	listener_close(first);
	listeners_retry(s.group);
	assert_int_equal(s.bound, 3);
	listener_close(second);
	listener_close(own);
	assert_int_equal(descriptors_left(), 1);
	scene_fini(&s);
}

static void adopted_socket(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	struct listener_config config = config_of(&s, freeport(SOCK_STREAM));
	int fd = listener_socket(&config.at);
	struct listener *l = listener_adopt(s.group, &config, fd);
	assert_int_equal(listener_fd(l), fd);
	int client = dial(AF_INET, SOCK_STREAM, config.at.at.port);
	wait_for(&s, &s.accepted, 1);
	close(client);
	listener_close(l);
	listener_close(NULL);
	scene_fini(&s);
}

/* As its port is, before the thread that accepts hears of it: it must not be looked at again and again meanwhile. */
static void shut_down_before_it_is_closed(void **state)
{
	struct scene s;

	(void)state;
	scene_init(&s);
	struct listener_config config = config_of(&s, freeport(SOCK_STREAM));
	config.room = room;
	struct listener *l = listener_adopt(s.group, &config, listener_socket(&config.at));
	assert_int_equal(shutdown(listener_fd(l), SHUT_RDWR), 0);
	for (int i = 0; i < 10; i++)
		ev_run(s.loop, 0);
	assert_int_equal(s.asked, 1);
	assert_int_equal(s.accepted, 0);
	listener_close(l);
	scene_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_of_one_or_both_families),
		cmocka_unit_test(datagrams),
		cmocka_unit_test(taken_address_is_tried_again),
		cmocka_unit_test(closed_before_it_listens),
		cmocka_unit_test(no_room_is_a_pause),
		cmocka_unit_test(no_descriptors),
		cmocka_unit_test(the_last_descriptor),
		cmocka_unit_test(adopted_socket),
		cmocka_unit_test(shut_down_before_it_is_closed),
		cmocka_unit_test(services_part_is_used_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
