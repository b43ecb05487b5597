/* What an endpoint can do to a probe, and many endpoints to the prober: time, bytes, attempts and targets have limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ev.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/unit/loop_until.h"
#include "tests/unit/stderrlines.h"
#include "watch/lab/probe_attempt.h"
#include "watch/lab/prober.h"

#define HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNK_BYTES 4096
#define DRIP_S 0.02

/* ---- a server that goes on and on ---- */

struct manner {
	const char *once;  /* what it sends first */
	const char *again; /* what then, without an end; NULL: nothing, "": it closes */
	bool drips;	   /* byte by byte */
};

static struct {
	struct ev_loop *loop;
	struct manner manner;
	int fd;
	struct addr addr;
	uint16_t port;
	ev_io io;
	size_t open, most, accepted, sent_bytes;
} server;

struct conn {
	ev_io readable, writable;
	ev_timer drip;
	size_t at; /* bytes sent */
};

static void conn_close(struct conn *c)
{
	ev_io_stop(server.loop, &c->readable);
	ev_io_stop(server.loop, &c->writable);
	ev_timer_stop(server.loop, &c->drip);
	close(c->readable.fd);
	free(c);
	server.open--;
}

static char byte_at(size_t at)
{
	const struct manner *m = &server.manner;
	const size_t once = strlen(m->once);

	return at < once ? m->once[at] : m->again[(at - once) % strlen(m->again)];
}

static bool has_more(const struct conn *c)
{
	return c->at < strlen(server.manner.once) || (server.manner.again != NULL && server.manner.again[0] != '\0');
}

static void conn_send(struct conn *c, size_t most)
{
	char bytes[CHUNK_BYTES];
	size_t n = 0;

	for (; n < most && has_more(&(struct conn){.at = c->at + n}); n++)
		bytes[n] = byte_at(c->at + n);
	const ssize_t sent = n != 0 ? send(c->readable.fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
	if (sent > 0) {
		c->at += (size_t)sent;
		server.sent_bytes += (size_t)sent;
	}
	if (has_more(c))
		return;
	ev_io_stop(server.loop, &c->writable);
	ev_timer_stop(server.loop, &c->drip);
	if (server.manner.again != NULL)
		conn_close(c);
}

static void on_writable(struct ev_loop *loop, struct ev_io *io, int events)
{
	(void)loop, (void)events;
	conn_send(io->data, CHUNK_BYTES);
}

static void on_drip(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop, (void)events;
	conn_send(timer->data, 1);
}

/* A request comes in one piece here; what comes of the connection later is its end. */
static void on_readable(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct conn *c = io->data;
	char bytes[CHUNK_BYTES];

	(void)events;
	if (recv(io->fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0) {
		conn_close(c);
		return;
	}
	if (server.manner.drips)
		ev_timer_start(loop, &c->drip);
	else
		ev_io_start(loop, &c->writable);
}

static void on_connection(struct ev_loop *loop, struct ev_io *io, int events)
{
	const int fd = accept(io->fd, NULL, NULL);
	struct conn *c;

	(void)events;
	if (fd < 0)
		return;
	c = mem_alloc(sizeof *c);
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	ev_timer_init(&c->drip, on_drip, DRIP_S, DRIP_S);
	c->readable.data = c->writable.data = c->drip.data = c;
	ev_io_start(loop, &c->readable);
	server.accepted++;
	server.open++;
	if (server.open > server.most)
		server.most = server.open;
}

static void server_begin(const struct manner *manner)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof at;

	memset(&server, 0, sizeof server);
	server.loop = ev_loop_new(EVFLAG_AUTO);
	server.manner = *manner;
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(server.fd, 4096), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&at, &length), 0);
	server.port = ntohs(at.sin_port);
	assert_true(addr_parse(&server.addr, "127.0.0.1"));
	ev_io_init(&server.io, on_connection, server.fd, EV_READ);
	ev_io_start(server.loop, &server.io);
}

static void server_end(void)
{
	ev_io_stop(server.loop, &server.io);
	close(server.fd);
	ev_loop_destroy(server.loop);
}

#define UNTIL(condition) LOOP_UNTIL(server.loop, condition)

/* ---- one HTTP probe ---- */

struct outcome {
	bool ended, success;
	char why[PROBE_WHY_BYTES];
};

static void on_end(void *ctx, bool success, const char *why)
{
	struct outcome *o = ctx;

	o->ended = true;
	o->success = success;
	snprintf(o->why, sizeof o->why, "%s", why);
}

static struct outcome probe_once(const struct manner *manner, uint32_t timeout_ms)
{
	const struct probe_object spec = {.action = PROBE_HTTP, .path = "/", .timeout_ms = timeout_ms};
	struct outcome o = {0};

	server_begin(manner);
	struct probe_curl *curl = probe_curl_new(server.loop);
	const struct probe_request r = {
		.spec = &spec, .addr = server.addr, .port = server.port, .end = on_end, .ctx = &o};
	probe_http_start(curl, &r);
	UNTIL(o.ended);
	UNTIL(server.open == 0); /* the probe's end is the connection's */
	probe_curl_free(curl);
	server_end();
	return o;
}

static void slow_servers(void **state)
{
	static const struct {
		const char *what;
		struct manner manner;
	} cases[] = {
		{"nothing", {"", NULL, false}},
		{"a head byte by byte", {HEAD "X: ", "x", true}},
		{"a body byte by byte", {HEAD "\r\n", "x", true}},
		{"interim responses", {"", "HTTP/1.1 100 Continue\r\n\r\n", true}},
		{"a body that does not end", {HEAD "Content-Length: 100\r\n\r\nx", NULL, false}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const uint64_t began_ms = clock_ms();
		struct outcome o = probe_once(&cases[i].manner, 500);
		if (o.success || strcmp(o.why, "timeout") != 0 || clock_ms() - began_ms < 450)
			fail_msg("%s: \"%s\"", cases[i].what, o.why);
	}
}

static long peak_kb(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_maxrss;
}

static void much_to_read(void **state)
{
	static const struct {
		const char *what;
		struct manner manner;
		bool success;
	} cases[] = {
		{"a body",
		 {HEAD "\r\n", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", false},
		 true},
		{"headers", {HEAD, "X-Header: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n", false}, false},
		{"one header", {HEAD "X-Header: ", "x", false}, false},
		{"a status line", {"HTTP/1.1 200 O", "K", false}, false},
	};
	const long before_kb = peak_kb();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct outcome o = probe_once(&cases[i].manner, 3000);
		if (o.success != cases[i].success)
			fail_msg("%s: \"%s\"", cases[i].what, o.why);
		if (cases[i].success) /* sockets hold what is not read */
			assert_in_range(server.sent_bytes, PROBE_BODY_MAX_BYTES, 16 << 20);
	}
	assert_in_range(peak_kb() - before_kb, 0, 16 << 10);
}

static void redirects(void **state)
{
	struct outcome o = probe_once(
		&(struct manner){"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n", "", false},
		5000);

	(void)state;
	assert_string_equal(o.why, "more than 10 redirects");
	assert_int_equal(server.accepted, PROBE_REDIRECTS_MAX + 1);
}

/* ---- the prober ---- */

static void on_changed(void *ctx)
{
	(void)ctx;
}

static bool descriptors_have(rlim_t wanted)
{
	struct rlimit l;

	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	return l.rlim_cur >= wanted;
}

static struct endpoint_probe *want(struct prober *p, struct probe_object spec)
{
	struct probe_set set = {.container = ""};

	spec.period_ms = 600000;
	spec.success_threshold = spec.failure_threshold = 1;
	set.of[PROBE_READINESS] = spec;
	return prober_probes(p)->want(p, &(struct probe_target){"Pod a/b", server.addr, server.port, &set});
}

static void attempts_at_once(void **state)
{
	enum { TARGETS = PROBER_RUNNING_MAX * 3 / 2 };
	static struct endpoint_probe *all[TARGETS];
	static const struct manner silent = {"", NULL, false};
	char path[16];

	(void)state;
	if (!descriptors_have(2 * PROBER_RUNNING_MAX + 100)) {
		print_message("skipped: two descriptors for each of %d attempts are not allowed here\n",
			      PROBER_RUNNING_MAX);
		return;
	}
	server_begin(&silent);
	struct prober *p = prober_new(server.loop, NULL, on_changed, NULL);
	for (unsigned i = 0; i < TARGETS; i++) {
		snprintf(path, sizeof path, "/%u", i);
		all[i] = want(p, (struct probe_object){.action = PROBE_HTTP, .path = path, .timeout_ms = 4000});
	}
	UNTIL(server.accepted == TARGETS);
	/* it may hear of a new one before the end of an old one */
	assert_in_range(server.most, PROBER_RUNNING_MAX / 2, PROBER_RUNNING_MAX * 11 / 10);
	for (unsigned i = 0; i < TARGETS; i++)
		prober_probes(p)->release(p, all[i]);
	prober_free(p);
	UNTIL(server.open == 0);
	server_end();
}

/* One that differs from others by its number; its first probe is not near. */
static struct endpoint_probe *target(struct prober *p, unsigned number)
{
	return want(
		p, (struct probe_object){
			   .action = PROBE_HTTP, .path = "/", .timeout_ms = 1000, .initial_delay_ms = 600000 + number});
}

/* One beyond the limit is not probed, counts as ready and says so; a line tells once. It is probed when there is room.
 */
static void targets(void **state)
{
	static struct endpoint_probe *all[PROBER_TARGETS_MAX + 2];
	static const struct manner closes = {"", "", false};
	static char lines[1 << 16];
	const char *why;

	(void)state;
	server_begin(&closes);
	struct stderr_lines errors = stderr_lines_begin();
	struct prober *p = prober_new(server.loop, NULL, on_changed, NULL);
	assert_false(prober_probes(p)->starting(p)); /* from now on delays count: none is probed here */
	for (unsigned i = 0; i < PROBER_TARGETS_MAX + 2; i++)
		all[i] = target(p, i);
	assert_false(prober_probes(p)->ready(p, all[PROBER_TARGETS_MAX - 1], &why));
	for (unsigned i = PROBER_TARGETS_MAX; i < PROBER_TARGETS_MAX + 2; i++) {
		assert_true(prober_probes(p)->ready(p, all[i], &why));
		assert_string_equal(why, "not probed: more than 10000 are");
	}
	prober_probes(p)->release(p, all[0]);
	assert_true(prober_probes(p)->ready(p, all[PROBER_TARGETS_MAX], &why)); /* until its first result */
	assert_null(why);
	UNTIL(!prober_probes(p)->ready(p, all[PROBER_TARGETS_MAX], &why));
	assert_non_null(strstr(why, "probe failing: "));
	assert_true(prober_probes(p)->ready(p, all[PROBER_TARGETS_MAX + 1], &why));
	assert_non_null(why);
	struct endpoint_probe *last = target(p, PROBER_TARGETS_MAX + 2);
	assert_true(prober_probes(p)->ready(p, last, &why)); /* comes after it */
	prober_probes(p)->release(p, all[PROBER_TARGETS_MAX + 1]);
	prober_probes(p)->release(p, all[1]);
	UNTIL(!prober_probes(p)->ready(p, last, &why));
	prober_probes(p)->release(p, all[2]);
	assert_false(prober_probes(p)->ready(p, target(p, 0), &why)); /* there is room for one */
	prober_free(p);
	stderr_lines_end_with(&errors, lines, sizeof lines);
	assert_non_null(strstr(lines, "probes: more than 10000: the rest counts as ready"));
	assert_null(strstr(strstr(lines, "the rest counts") + 1, "the rest counts"));
	server_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_servers),	    cmocka_unit_test(much_to_read), cmocka_unit_test(redirects),
		cmocka_unit_test(attempts_at_once), cmocka_unit_test(targets),
	};

	log_set_level(LOG_WARN); /* a line for each of a thousand */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
