/* Host names followed by their TTL: what a reply means, what is kept while there is none, what is ignored. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "dns/forward/host_names.h"
#include "tests/unit/upstream_reply.h"

#define LIMIT_MS 20000

/* A server on the same loop: says `a` to A, `aaaa` to AAAA, with this rcode; forges: a wrong id first. */
struct scene {
	struct ev_loop *loop;
	struct host_names *names;
	ev_io io;
	const char *a, *aaaa;
	ldns_pkt_rcode rcode;
	bool silent, forges;
	unsigned asked, changes;
};

static void on_query(struct ev_loop *loop, ev_io *w, int events)
{
	struct scene *s = w->data;
	uint8_t query[512], reply[512];
	struct sockaddr_in from;
	socklen_t from_bytes = sizeof from;

	(void)loop, (void)events;
	const ssize_t n = recvfrom(w->fd, query, sizeof query, 0, (struct sockaddr *)&from, &from_bytes);
	assert_true(n > WIRE_HEADER_BYTES);
	s->asked++;
	if (s->silent)
		return;
	/* the question is nas.lan.: 9 bytes */
	const bool a = wire_get16(query + WIRE_HEADER_BYTES + 9) == TYPE_A;
	const struct reply_text text = {.name = "nas.lan.",
					.type = a ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA,
					.rcode = s->rcode,
					.answer = a ? s->a : s->aaaa};
	const size_t length = reply_build(reply, &text);
	if (s->forges) {
		const struct reply_text lie = {
			.name = "nas.lan.", .type = LDNS_RR_TYPE_A, .answer = "nas.lan. 9 IN A 192.0.2.66"};
		uint8_t forged[512];
		const size_t forged_bytes = reply_build(forged, &lie);
		wire_put16(forged, wire_get16(query) + 1U);
		sendto(w->fd, forged, forged_bytes, 0, (struct sockaddr *)&from, from_bytes);
	}
	memcpy(reply, query, 2);
	sendto(w->fd, reply, length, 0, (struct sockaddr *)&from, from_bytes);
}

static void on_changed(void *ctx, const char *host)
{
	struct scene *s = ctx;

	assert_string_equal(host, "nas.lan");
	s->changes++;
}

static int scene_new(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof at;
	struct scene *s = mem_alloc(sizeof *s);
	struct addr_port server = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, bytes), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &bytes), 0);
	assert_true(addr_parse(&server.addr, "127.0.0.1"));
	server.port = ntohs(at.sin_port);
	s->loop = ev_loop_new(0);
	ev_io_init(&s->io, on_query, fd, EV_READ);
	s->io.data = s;
	ev_io_start(s->loop, &s->io);
	s->names = host_names_new(s->loop, &server, on_changed, s);
	*state = s;
	return 0;
}

static int scene_free(void **state)
{
	struct scene *s = *state;

	host_names_free(s->names);
	ev_io_stop(s->loop, &s->io);
	close(s->io.fd);
	ev_loop_destroy(s->loop);
	free(s);
	return 0;
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)w, (void)events;
}

/* Runs the loop until that many changes were told. */
static void until_changes(struct scene *s, unsigned changes)
{
	const uint64_t end_ms = clock_ms() + LIMIT_MS;
	ev_timer tick;

	ev_timer_init(&tick, on_tick, .05, .05);
	ev_timer_start(s->loop, &tick);
	while (s->changes < changes && clock_ms() < end_ms)
		ev_run(s->loop, EVRUN_ONCE);
	ev_timer_stop(s->loop, &tick);
	assert_int_equal(s->changes, changes);
}

/* The same for queries that came. */
static void until_asked(struct scene *s, unsigned asked)
{
	const uint64_t end_ms = clock_ms() + LIMIT_MS;

	while (s->asked < asked && clock_ms() < end_ms)
		ev_run(s->loop, EVRUN_ONCE);
	assert_true(s->asked >= asked);
}

static void is(struct scene *s, const char *addresses, const char *reason)
{
	char text[256] = "", one[ADDR_TEXT_BYTES];
	const char *why;
	size_t count;
	const struct addr *addrs = host_names_addrs(s->names, "nas.lan", &count, &why);

	for (size_t i = 0; i < count; i++) {
		strncat(text, i != 0 ? " " : "", sizeof text - strlen(text) - 1);
		strncat(text, addr_format(&addrs[i], one), sizeof text - strlen(text) - 1);
	}
	assert_string_equal(text, addresses);
	assert_string_equal(why != NULL ? why : "", reason);
}

static void both_families_and_a_change(void **state)
{
	struct scene *s = *state;

	s->a = "nas.lan. 1 IN CNAME box.lan.; box.lan. 1 IN A 192.0.2.2; box.lan. 1 IN A 192.0.2.1";
	s->aaaa = "nas.lan. 1 IN AAAA 2001:db8::1";
	s->forges = true; /* not believed: its id is another */
	host_names_want(s->names, "nas.lan", true);
	is(s, "", "");
	until_changes(s, 1);
	is(s, "192.0.2.1 192.0.2.2 2001:db8::1", "");
	until_asked(s, s->asked + 2); /* the TTL has ended; the same again is no change */
	s->a = "nas.lan. 1 IN A 192.0.2.9";
	until_changes(s, 2);
	is(s, "192.0.2.9 2001:db8::1", "");
	host_names_want(s->names, "nas.lan", false);
	is(s, "", "more than 1000 host names"); /* not followed any more */
}

static void what_is_known_stays_while_there_is_no_answer(void **state)
{
	struct scene *s = *state;

	s->a = "nas.lan. 1 IN A 192.0.2.1";
	host_names_want(s->names, "nas.lan", true);
	until_changes(s, 1);
	s->rcode = LDNS_RCODE_SERVFAIL;
	s->a = NULL;
	until_changes(s, 2); /* told after the second failure */
	is(s, "192.0.2.1", "the DNS server has no answer (SERVFAIL, or none in time)");
	s->rcode = LDNS_RCODE_NOERROR;
	s->a = "nas.lan. 1 IN A 192.0.2.1";
	until_changes(s, 3);
	is(s, "192.0.2.1", "");
}

static void a_name_that_is_refused(void **state)
{
	struct scene *s = *state;

	s->rcode = LDNS_RCODE_REFUSED;
	host_names_want(s->names, "nas.lan", true);
	until_changes(s, 1);
	is(s, "", "the DNS server asks no upstream server for it (see --forward)");
}

static void a_name_that_goes(void **state)
{
	struct scene *s = *state;

	s->a = "nas.lan. 1 IN A 192.0.2.1";
	host_names_want(s->names, "nas.lan", true);
	host_names_want(s->names, "nas.lan", true);
	until_changes(s, 1);
	s->rcode = LDNS_RCODE_NXDOMAIN;
	s->a = NULL;
	until_changes(s, 2);
	is(s, "", "no such name");
	host_names_want(s->names, "nas.lan", false); /* another Service wants it still */
	is(s, "", "no such name");
}

static void a_name_without_address(void **state)
{
	struct scene *s = *state;

	host_names_want(s->names, "nas.lan", true);
	until_changes(s, 1);
	is(s, "", "the name has no address");
}

static void names_are_bounded(void **state)
{
	struct scene *s = *state;
	char name[32];
	const char *why;
	size_t count;

	for (int i = 0; i <= HOST_NAMES_MAX; i++) {
		snprintf(name, sizeof name, "h%d.lan", i);
		host_names_want(s->names, name, true);
		assert_true(host_names_addrs(s->names, name, &count, &why) != NULL || i == HOST_NAMES_MAX);
	}
	assert_string_equal(why, "more than 1000 host names");
	for (int i = 0; i <= HOST_NAMES_MAX; i++) {
		snprintf(name, sizeof name, "h%d.lan", i);
		host_names_want(s->names, name, false);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_new, scene_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(both_families_and_a_change), TEST(what_is_known_stays_while_there_is_no_answer),
		TEST(a_name_that_goes),		  TEST(a_name_without_address),
		TEST(a_name_that_is_refused),	  TEST(names_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
