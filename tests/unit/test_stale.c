/* When conntrack is looked at, and at what; reversed flows; what an option asks of TCP. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stale_scene.h"

static void nothing_to_do_without_a_change(void **state)
{
	struct scene *s = *state;

	assert_true(turn_at(s, 1000) == UINT64_MAX);
	publish(s, compiled("10.0.0.1", false));
	assert_true(look_at(s, 1000) == UINT64_MAX);
	publish(s, compiled("10.0.0.1 10.0.0.2", false));
	assert_true(turn_at(s, 2000) == UINT64_MAX);
	assert_int_equal(flows.sweeps, 1);
	assert_int_equal(kernel.dumps, 0);
}

/* One walk over the kernel's table for what comes in quick succession, and one for all that came during that. */
static void changes_go_together(void **state)
{
	struct scene *s = *state;

	publish(s, compiled("10.0.0.1 10.0.0.2 10.0.0.3", false));
	assert_int_equal(turn_at(s, 1000), STALE_COALESCE_MS);
	publish(s, compiled("10.0.0.2 10.0.0.3", false));
	assert_int_equal(turn_at(s, 1000 + STALE_COALESCE_MS / 2), STALE_COALESCE_MS / 2);
	thread.stuck = true;
	assert_true(turn_at(s, 1000 + STALE_COALESCE_MS) == UINT64_MAX);
	assert_int_equal(thread.passes, 1);
	for (unsigned i = 0; i < 10; i++) {
		publish(s, compiled(i % 2 == 0 ? "10.0.0.3" : "10.0.0.2 10.0.0.3", false));
		assert_true(turn_at(s, 1100 + i) == UINT64_MAX);
	}
	thread.stuck = false;
	assert_int_equal(stale_turn(s->stale, 1200), STALE_GAP_MS);
	publish(s, compiled("10.0.0.2", false));
	assert_int_equal(turn_at(s, 1300), STALE_GAP_MS - 100);
	assert_int_equal(thread.passes, 1);
	assert_true(turn_at(s, 1200 + STALE_GAP_MS) == UINT64_MAX);
	assert_int_equal(thread.passes, 2);
	assert_int_equal(flows.sweeps, 2);
}

/* A Service with very many frontends: what the thread gets is put together in several turns. */
static void many_frontends_are_copied_in_slices(void **state)
{
	struct scene *s = *state;
	struct frontend_key key = {.addr = ip("10.96.0.9"), .proto = IPPROTO_UDP};
	unsigned turns = 1;

	for (key.port = 1; key.port <= 10000; key.port++)
		stale_gone(s->stale, &key);
	assert_int_equal(stale_turn(s->stale, 1000), STALE_COALESCE_MS);
	assert_int_equal(stale_turn(s->stale, 1000 + STALE_COALESCE_MS), 0);
	stale_gone(s->stale, &key); /* meanwhile: of the next pass */
	while (stale_turn(s->stale, 1000 + STALE_COALESCE_MS) == 0)
		turns++;
	assert_in_range(turns, 2, 5);
	assert_int_equal(thread.passes, 1);
	assert_int_equal(map_count(&thread.pass->snapshot.frontends), 10000);
	stale_turn(s->stale, 2000);
	turn_at(s, 3000);
	assert_int_equal(thread.passes, 2);
}

/* Freed while a pass is put together. */
static void end_while_frontends_are_copied(void **state)
{
	struct scene *s = *state;
	struct frontend_key key = {.addr = ip("10.96.0.9"), .proto = IPPROTO_UDP};

	for (key.port = 1; key.port <= 10000; key.port++)
		stale_gone(s->stale, &key);
	stale_turn(s->stale, 1000);
	assert_int_equal(stale_turn(s->stale, 2000), 0);
}

/* 2 % of a core, whatever a look costs. */
static void it_rests_after_a_look(void **state)
{
	struct scene *s = *state;

	publish(s, compiled("10.0.0.1 10.0.0.2", false));
	thread.cpu_ns = 20 * 1000 * 1000;
	look_at(s, 1000);
	publish(s, compiled("10.0.0.2", false));
	assert_int_equal(turn_at(s, 1000), 1080);
	assert_int_equal(turn_at(s, 2079), 1);
	assert_int_equal(thread.passes, 1);
	turn_at(s, 2080);
	assert_int_equal(thread.passes, 2);
	publish(s, compiled("10.0.0.1", false));
	assert_int_equal(turn_at(s, 5000), STALE_COALESCE_MS); /* a change at rest does not wait */
}

/* ---- at what is looked ---- */

static void assert_asked(unsigned at, uint8_t proto, uint8_t family, bool unreplied_only)
{
	assert_true(at < flows.sweeps);
	assert_int_equal(flows.asked[at].proto, proto);
	assert_int_equal(flows.asked[at].family, family);
	assert_int_equal(flows.asked[at].unreplied_only, unreplied_only);
}

/* TCP, UDP and SCTP at one address; the endpoints of each. */
static struct service *mixed(const char *vip, const char *tcp, const char *udp, const char *sctp)
{
	struct arena *a = arena_new(4096), *scratch = arena_new(4096);
	const struct node_facts node = {.name = "here"};
	struct service_object *o = make_service(a, "mixed", vip);
	const struct slice_object *slices[] = {make_slice(a, "t", "t", IPPROTO_TCP, 5353, tcp),
					       make_slice(a, "u", "u", IPPROTO_UDP, 5353, udp),
					       make_slice(a, "s", "s", IPPROTO_SCTP, 5353, sctp)};
	const struct compile_input in = {.object = o, .slices = slices, .slice_count = 3, .node = &node};

	add_port(a, o, "t", IPPROTO_TCP, 53, 0);
	add_port(a, o, "u", IPPROTO_UDP, 53, 0);
	add_port(a, o, "s", IPPROTO_SCTP, 53, 0);
	struct service *s = service_compile(&in, scratch);
	arena_free(a);
	arena_free(scratch);
	return s;
}

static void only_what_a_change_concerns(void **state)
{
	struct scene *s = *state;

	publish(s, mixed("10.96.0.1", "10.0.0.1", "10.0.0.1 10.0.0.2", "10.0.0.1"));
	look_at(s, 1000);
	assert_int_equal(flows.sweeps, 3); /* all is new */
	assert_asked(0, IPPROTO_TCP, AF_INET, true);
	assert_asked(1, IPPROTO_UDP, AF_INET, false);
	assert_asked(2, IPPROTO_SCTP, AF_INET, false);
	publish(s, mixed("10.96.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1"));
	look_at(s, 2000);
	assert_int_equal(flows.sweeps, 4);
	assert_asked(3, IPPROTO_UDP, AF_INET, false);
	publish(s, mixed("10.96.0.1", "10.0.0.9", "10.0.0.1", "10.0.0.1"));
	assert_true(turn_at(s, 3000) == UINT64_MAX); /* established or not: as in kube-proxy */
	publish(s, NULL);
	look_at(s, 4000);
	assert_int_equal(flows.sweeps, 6); /* UDP and SCTP */
}

static void only_the_family_that_a_change_concerns(void **state)
{
	struct scene *s = *state;

	publish(s, mixed("fd00:96::1", "", "fd00::1", ""));
	look_at(s, 1000);
	assert_asked(0, IPPROTO_TCP, AF_INET6, true);
	publish(s, mixed("fd00:96::1", "", "fd00::2", ""));
	look_at(s, 2000);
	assert_asked(3, IPPROTO_UDP, AF_INET6, false);
	publish(s, mixed("10.96.0.1", "", "10.0.0.1", ""));
	flows.sweeps = 0;
	look_at(s, 3000);
	assert_asked(0, IPPROTO_TCP, AF_INET, true); /* new here */
	assert_asked(1, IPPROTO_UDP, AF_INET, false);
	assert_asked(2, IPPROTO_UDP, AF_INET6, false); /* gone */
}

/* The kernel need not send what went elsewhere: with a full table that is most of the cost. */
static void only_the_address_or_port_that_all_share(void **state)
{
	const struct addr vip = ip("10.96.0.1");
	struct scene *s = *state;

	publish(s, mixed("10.96.0.1", "", "10.0.0.1", ""));
	look_at(s, 1000);
	publish(s, mixed("10.96.0.1", "", "10.0.0.2", ""));
	flows.sweeps = 0;
	look_at(s, 2000);
	assert_true(addr_equal(&flows.asked[0].dst, &vip));
	assert_int_equal(flows.asked[0].dst_port, 53);
	publish(s, compiled("10.0.0.3", false)); /* a node port as well */
	flows.sweeps = 0;
	look_at(s, 3000);
	assert_true(flows.asked[0].any_dst);
	assert_int_equal(flows.asked[0].dst_port, 0);
}

/* A walk for each costs less than a large table that is sent; but not of a small one, and not for many. */
static void one_after_the_other_in_a_large_table(void **state)
{
	struct scene *s = *state;

	flows.total = 100000;
	publish(s, compiled("10.0.0.1", false));
	look_at(s, 1000);
	assert_int_equal(flows.sweeps, 2);
	assert_int_equal(flows.asked[0].dst_port ^ flows.asked[1].dst_port, 53 ^ 30053);
	assert_false(flows.asked[0].any_dst || flows.asked[1].any_dst);
	flows.total = 10000;
	publish(s, compiled("10.0.0.2", false));
	look_at(s, 2000);
	assert_int_equal(flows.sweeps, 3);
	assert_true(flows.asked[2].any_dst);
}

static void track_tcp(const char *vip, const char *pod, bool syn_sent)
{
	flows.entries[flows.count++] = (struct conntrack_entry){.orig_src = ip("10.1.0.1"),
								.orig_dst = ip(vip),
								.reply_src = ip(pod),
								.orig_src_port = 40000,
								.orig_port = 53,
								.reply_port = 5353,
								.proto = IPPROTO_TCP,
								.unreplied = syn_sent,
								.syn_sent = syn_sent};
}

/* Once its grace is over, and only through a service that has lost the endpoint. */
static void tcp_where_an_option_asks(void **state)
{
	const struct addr gone = ip("10.0.0.1"), ours = ip("10.96.0.1");
	struct scene *s = *state;
	uint64_t now_ms;

	publish(s, mixed("10.96.0.1", "10.0.0.1 10.0.0.2", "", ""));
	turn_at(s, clock_ms() + 5000); /* what left before the start is due, too */
	assert_asked(0, IPPROTO_TCP, AF_INET, false);
	track_tcp("10.96.0.1", "10.0.0.1", false);
	track_tcp("10.96.0.1", "10.0.0.2", false);
	track_tcp("10.96.0.9", "10.0.0.1", false); /* not ours: a host port, say */
	publish(s, mixed("10.96.0.1", "10.0.0.2", "", ""));
	now_ms = clock_ms() + 10000;
	flows.sweeps = 0;
	turn_at(s, now_ms);
	assert_asked(0, IPPROTO_TCP, AF_INET, false);
	assert_int_equal(flows.count, 2);
	for (size_t i = 0; i < flows.count; i++)
		assert_false(addr_equal(&flows.entries[i].reply_src, &gone) &&
			     addr_equal(&flows.entries[i].orig_dst, &ours));
	assert_true(turn_at(s, now_ms + 10000) == UINT64_MAX);
}

/* k/k#48719: it ran ahead of its rules. */
static void a_syn_ahead_of_its_frontend(void **state)
{
	struct scene *s = *state;

	track_tcp("10.96.0.1", "10.96.0.1", true);
	track_tcp("10.96.0.2", "10.96.0.2", true);
	publish(s, mixed("10.96.0.1", "10.0.0.1", "", ""));
	look_at(s, 1000);
	assert_int_equal(flows.count, 1);
	assert_int_equal(stale_stats(s->stale).flows_deleted[0], 1);
}

/* The owner of a frontend that two services want, not the one that changed, says where it leads. */
static void a_frontend_that_two_services_want(void **state)
{
	struct scene *s = *state;
	struct service *owner = compiled_named("aaa", "10.0.0.7", false, POLICY_CLUSTER);

	owners_replace(s->owners, NULL, owner, NULL, NULL);
	publish(s, compiled("10.0.0.1 10.0.0.2", false));
	look_at(s, 1000);
	track("10.1.0.1", 40000, "10.96.0.1", 53);
	flows.entries[0].reply_src = ip("10.0.0.7");
	flows.entries[0].reply_port = 5353;
	publish(s, compiled("10.0.0.2", false));
	look_at(s, 2000);
	assert_int_equal(flows.count, 1);
	owners_replace(s->owners, owner, NULL, NULL, NULL);
	stale_published(s->stale, owner, NULL);
	service_free(owner);
	look_at(s, 3000);
	assert_int_equal(flows.count, 0);
}

/* ---- when the kernel refuses ---- */

static void a_failed_sweep_is_tried_again_ever_slower(void **state)
{
	struct scene *s = *state;
	uint64_t now_ms = 1000, wait_ms;

	flows.fail = -ENOBUFS;
	publish(s, compiled("10.0.0.1", false));
	turn_at(s, now_ms - STALE_COALESCE_MS);
	for (uint64_t want_ms = STALE_GAP_MS; want_ms < 30000; want_ms *= 2, now_ms += wait_ms) {
		turn_at(s, now_ms);
		wait_ms = turn_at(s, now_ms);
		assert_int_equal(wait_ms, want_ms);
		assert_int_equal(turn_at(s, now_ms + wait_ms - 1), 1);
	}
	turn_at(s, now_ms);
	assert_int_equal(turn_at(s, now_ms), 30000);
	assert_int_equal(stale_stats(s->stale).failures, flows.sweeps);
	flows.fail = 0;
	assert_true(turn_at(s, now_ms + 30000) == UINT64_MAX);
	assert_int_equal(stale_stats(s->stale).sweeps, 1);
}

/*
 * A client asked before the frontend was there. Its entry goes, but the answer, under way from beside the rules, makes
 * one that no rule sees. The same from any other address is none of ours.
 */
static void answers_under_way_when_their_frontend_appears(void **state)
{
	struct scene *s = *state;

	track("10.1.0.1", 40000, "10.96.0.1", 53);
	publish(s, compiled("10.0.0.1", false));
	assert_int_equal(look_at(s, 1000), REVERSED_FIRST_MS);
	assert_int_equal(flows.count, 0);
	track("10.96.0.1", 53, "10.1.0.1", 40000);
	track("10.96.0.1", 53, "10.1.0.2", 40000);
	assert_int_equal(turn_at(s, 1000 + REVERSED_FIRST_MS - 1), 1);
	assert_int_equal(flows.count, 2);
	assert_int_equal(turn_at(s, 1000 + REVERSED_FIRST_MS), 2 * REVERSED_FIRST_MS);
	assert_int_equal(flows.count, 1);
	assert_int_equal(stale_stats(s->stale).flows_deleted[0], 2);
}

/* Also where clients ask all the time for what is not translated: looks do not call for more of themselves. */
static void looks_for_answers_under_way_end(void **state)
{
	struct scene *s = *state;
	uint64_t now_ms = 1000, wait_ms;

	track("10.1.0.1", 40000, "10.96.0.1", 53);
	publish(s, compiled("10.0.0.1", false));
	turn_at(s, now_ms - STALE_COALESCE_MS);
	while ((wait_ms = turn_at(s, now_ms)) != UINT64_MAX) {
		flows.count = 0;
		track("10.1.0.2", 40000, "10.96.0.1", 53);
		now_ms += wait_ms;
		assert_true(now_ms <= 1000 + 2 * REVERSED_LAST_MS);
	}
	assert_true(now_ms > 1000 + REVERSED_LAST_MS);
}

static void a_failed_look_for_answers_is_tried_again(void **state)
{
	struct scene *s = *state;

	track("10.1.0.1", 40000, "10.96.0.1", 53);
	publish(s, compiled("10.0.0.1", false));
	look_at(s, 1000);
	track("10.96.0.1", 53, "10.1.0.1", 40000);
	flows.fail = -ENOBUFS;
	assert_int_equal(turn_at(s, 2000), STALE_GAP_MS);
	assert_int_equal(flows.count, 1);
	flows.fail = 0;
	turn_at(s, 2000 + STALE_GAP_MS);
	assert_int_equal(flows.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(nothing_to_do_without_a_change),
		SCENE(changes_go_together),
		SCENE(many_frontends_are_copied_in_slices),
		SCENE(end_while_frontends_are_copied),
		SCENE(it_rests_after_a_look),
		SCENE(only_what_a_change_concerns),
		SCENE(only_the_address_or_port_that_all_share),
		SCENE(one_after_the_other_in_a_large_table),
		SCENE(only_the_family_that_a_change_concerns),
		cmocka_unit_test_setup_teardown(tcp_where_an_option_asks, setup_reset, teardown),
		SCENE(a_syn_ahead_of_its_frontend),
		SCENE(a_frontend_that_two_services_want),
		SCENE(a_failed_sweep_is_tried_again_ever_slower),
		SCENE(answers_under_way_when_their_frontend_appears),
		SCENE(looks_for_answers_under_way_end),
		SCENE(a_failed_look_for_answers_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
