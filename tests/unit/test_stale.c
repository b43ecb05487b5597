#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "objects.h"
#include "proxy/elements.h"
#include "proxy/stale.h"
#include "proxy/reversed_flows.h"

/* ---- the kernel's memory, in place of nft/ ---- */

struct conntrack {
	int fail; /* every sweep fails with it */
	unsigned sweeps;
	struct conntrack_entry entries[4]; /* what a sweep shows */
	size_t count;
};

struct nft {
	int fail;		      /* every dump fails with it */
	struct element_list affinity; /* what a dump shows */
	size_t hidden;		      /* of these at the end: not to the first dump */
	unsigned dumps;
};

static struct conntrack flows;
static struct nft kernel;

int conntrack_sweep(struct conntrack *c, const struct conntrack_sweep *sweep, size_t deleted[2])
{
	deleted[0] = deleted[1] = 0;
	c->sweeps++;
	for (size_t i = c->fail == 0 ? c->count : 0; i-- > 0;) {
		if (c->entries[i].proto != sweep->proto || !sweep->check(sweep->ctx, &c->entries[i]))
			continue;
		c->entries[i] = c->entries[--c->count];
		deleted[0]++;
	}
	return c->fail;
}

int nft_dump_set(struct nft *nft, enum set_id set, nft_each_fn *each, void *ctx)
{
	assert_int_equal(set, SET_AFFINITY);
	nft->dumps++;
	if (nft->fail != 0)
		return nft->fail;
	for (size_t i = 0; i + nft->hidden < nft->affinity.count; i++)
		each(ctx, &nft->affinity.items[i]);
	nft->hidden = 0;
	return 0;
}

void nft_tx_del(struct nft *nft, const struct element *e)
{
	for (size_t i = 0; i < nft->affinity.count; i++)
		if (element_same_key(&nft->affinity.items[i], e))
			nft->affinity.items[i] = nft->affinity.items[--nft->affinity.count];
}

int nft_tx_commit(struct nft *nft)
{
	(void)nft;
	return 0;
}

/* ---- scene ---- */

struct scene {
	struct owners *owners;
	struct service *service;
	struct stale *stale;
};

static struct service *compiled_named(const char *name, const char *endpoints, bool affinity,
				      enum traffic_policy policy)
{
	struct arena *a = arena_new(4096), *scratch = arena_new(4096);
	struct service_object *o = make_service(a, name, "10.96.0.1");
	const struct slice_object *slice = make_slice(a, "u", "u", IPPROTO_UDP, 5353, endpoints);
	struct addr node_addr = ip("192.168.0.2");
	struct node_view node = {.name = "here", .node_port_addr_count = 1, .node_port_addrs = &node_addr};
	struct compile_input in = {.object = o, .slices = &slice, .slice_count = 1, .node = &node};

	add_port(a, o, "u", IPPROTO_UDP, 53, 30053);
	o->type = SERVICE_NODE_PORT;
	o->external_policy = policy;
	o->client_ip_affinity = affinity;
	o->affinity_timeout_s = 10800;
	struct service *s = service_compile(&in, scratch);
	arena_free(a);
	arena_free(scratch);
	return s;
}

static struct service *compiled_with(const char *endpoints, bool affinity, enum traffic_policy policy)
{
	return compiled_named("dns", endpoints, affinity, policy);
}

static struct service *compiled(const char *endpoints, bool affinity)
{
	return compiled_with(endpoints, affinity, POLICY_CLUSTER);
}

static void publish(struct scene *s, struct service *next)
{
	owners_replace(s->owners, s->service, next, NULL, NULL);
	stale_published(s->stale, s->service, next);
	service_free(s->service);
	s->service = next;
}

static int setup(void **state)
{
	static struct scene s;

	log_set_level(LOG_WARN);
	flows = (struct conntrack){0};
	kernel = (struct nft){0};
	s = (struct scene){.owners = owners_new(NULL, NULL)};
	const struct stale_config config = {.conntrack = &flows, .nft = &kernel, .owners = s.owners};
	s.stale = stale_new(&config);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	publish(s, NULL);
	stale_free(s->stale);
	owners_free(s->owners);
	element_list_fini(&kernel.affinity);
	return 0;
}

/* A client that was sent to 10.0.0.1. */
static void record_client(const char *client)
{
	struct addr client_addr = ip(client);
	struct element e = {.set = SET_AFFINITY,
			    .daddr = ip("10.96.0.1"),
			    .proto = IPPROTO_UDP,
			    .port = 53,
			    .range = cidr_host(&client_addr),
			    .to = ip("10.0.0.1"),
			    .to_port = 5353};

	element_list_add(&kernel.affinity, &e);
}

/* A UDP flow that nobody translates. */
static void track(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	flows.entries[flows.count++] = (struct conntrack_entry){.orig_src = ip(src),
								.orig_dst = ip(dst),
								.reply_src = ip(dst),
								.orig_src_port = sport,
								.orig_port = dport,
								.reply_port = dport,
								.proto = IPPROTO_UDP};
}

static uint64_t turn_at(const struct scene *s, uint64_t now_ms)
{
	return stale_turn(s->stale, now_ms);
}

/* ---- tests ---- */

static void nothing_to_do_without_a_change(void **state)
{
	struct scene *s = *state;

	assert_true(turn_at(s, 1000) == UINT64_MAX);
	publish(s, compiled("10.0.0.1", false));
	assert_true(turn_at(s, 1000) == UINT64_MAX);
	publish(s, compiled("10.0.0.1 10.0.0.2", false));
	assert_true(turn_at(s, 2000) == UINT64_MAX);
	assert_int_equal(flows.sweeps, 1);
	assert_int_equal(kernel.dumps, 0);
}

static void a_failed_sweep_is_tried_again_ever_slower(void **state)
{
	struct scene *s = *state;
	uint64_t now_ms = 1000, wait_ms;

	flows.fail = -ENOBUFS;
	publish(s, compiled("10.0.0.1", false));
	for (uint64_t want_ms = STALE_GAP_MS; want_ms < 30000; want_ms *= 2, now_ms += wait_ms) {
		wait_ms = turn_at(s, now_ms);
		assert_int_equal(wait_ms, want_ms);
		assert_int_equal(turn_at(s, now_ms + wait_ms - 1), 1);
	}
	assert_int_equal(turn_at(s, now_ms), 30000);
	assert_int_equal(stale_stats(s->stale)->failures, flows.sweeps);
	flows.fail = 0;
	assert_true(turn_at(s, now_ms + 30000) == UINT64_MAX);
	assert_int_equal(stale_stats(s->stale)->sweeps, 1);
}

static void flows_wait_for_an_affinity_that_cannot_be_read(void **state)
{
	struct scene *s = *state;

	kernel.fail = -EINTR;
	publish(s, compiled("10.0.0.1", true));
	assert_int_equal(turn_at(s, 1000), STALE_GAP_MS);
	assert_int_equal(flows.sweeps, 0);
	kernel.fail = 0;
	assert_true(turn_at(s, 1000 + STALE_GAP_MS) == UINT64_MAX);
	assert_int_equal(flows.sweeps, 1);
}

static void affinity_is_looked_at_until_nothing_is_stale(void **state)
{
	struct scene *s = *state;

	publish(s, compiled("10.0.0.1 10.0.0.2", true));
	assert_true(turn_at(s, 1000) == UINT64_MAX);
	record_client("10.1.0.1");
	record_client("10.1.0.2");
	kernel.hidden = 1; /* the table grew meanwhile */
	publish(s, compiled("10.0.0.2", true));
	assert_in_range(turn_at(s, 2000), 1, STALE_GAP_MS);
	assert_int_equal(kernel.affinity.count, 1);
	assert_in_range(turn_at(s, 3000), 1, STALE_GAP_MS);
	assert_int_equal(kernel.affinity.count, 0);
	assert_int_equal(flows.sweeps, 3); /* the client that was hidden has come again: its flow leads nowhere */
	assert_true(turn_at(s, 4000) == UINT64_MAX);
	assert_int_equal(stale_stats(s->stale)->affinity_deleted, 2);
}

/* Endpoints that left while no daemon ran have no previous version that knows them. */
static void affinity_from_before_the_start_is_looked_at(void **state)
{
	struct scene *s = *state;

	record_client("10.1.0.1");
	publish(s, compiled("10.0.0.2", true));
	assert_in_range(turn_at(s, 1000), 1, STALE_GAP_MS);
	assert_int_equal(kernel.affinity.count, 0);
}

/* Clients must not be sent to what is gone because conntrack was swept just now. */
static void affinity_does_not_wait_for_the_next_sweep(void **state)
{
	struct scene *s = *state;
	uint64_t wait_ms;

	publish(s, compiled("10.0.0.1 10.0.0.2", true));
	turn_at(s, 10000);
	record_client("10.1.0.1");
	publish(s, compiled("10.0.0.2", true));
	wait_ms = turn_at(s, 10000); /* it rests as many times longer as the last look took */
	assert_in_range(wait_ms, 1, STALE_GAP_MS);
	turn_at(s, 10000 + wait_ms);
	assert_int_equal(kernel.affinity.count, 0);
	assert_int_equal(flows.sweeps, wait_ms == STALE_GAP_MS ? 2 : 1); /* 2: this machine was busy elsewhere */
	turn_at(s, 10000 + 2 * STALE_GAP_MS);
	assert_true(turn_at(s, 10000 + 4 * STALE_GAP_MS) == UINT64_MAX);
	assert_in_range(flows.sweeps, 2, 3);
}

/*
 * At a frontend that becomes split, entries of clients outside look like those of pods: what it remembers of other
 * nodes' endpoints goes, once. What comes after that is right.
 */
static void affinity_of_a_frontend_that_becomes_split(void **state)
{
	struct scene *s = *state;

	publish(s, compiled_with("10.0.0.1 10.0.0.2@here", true, POLICY_CLUSTER));
	turn_at(s, 1000);
	record_client("10.1.0.1");
	kernel.affinity.items[0].daddr = ip("192.168.0.2");
	kernel.affinity.items[0].port = 30053;
	const struct element entry = kernel.affinity.items[0];
	publish(s, compiled_with("10.0.0.1 10.0.0.2@here 10.0.0.3", true, POLICY_CLUSTER));
	turn_at(s, 2000);
	assert_int_equal(kernel.affinity.count, 1);
	publish(s, compiled_with("10.0.0.1 10.0.0.2@here 10.0.0.3", true, POLICY_LOCAL));
	turn_at(s, 3000);
	assert_int_equal(kernel.affinity.count, 0);
	turn_at(s, 4000);
	element_list_add(&kernel.affinity, &entry); /* a pod came */
	publish(s, compiled_with("10.0.0.1 10.0.0.2@here", true, POLICY_LOCAL));
	turn_at(s, 5000);
	assert_int_equal(kernel.affinity.count, 1);
}

/* The same address on another node, as virtual machines that move do: clients outside stay here. */
static void affinity_to_an_endpoint_that_moves_to_another_node(void **state)
{
	struct scene *s = *state;

	publish(s, compiled_with("10.0.0.1@here 10.0.0.2@here", true, POLICY_LOCAL));
	turn_at(s, 1000);
	turn_at(s, 2000);
	record_client("10.1.0.1");
	kernel.affinity.items[0].daddr = ip("192.168.0.2");
	kernel.affinity.items[0].port = 30053;
	publish(s, compiled_with("10.0.0.1@here 10.0.0.2@there", true, POLICY_LOCAL));
	turn_at(s, 3000);
	assert_int_equal(kernel.affinity.count, 1);
	publish(s, compiled_with("10.0.0.1@there 10.0.0.2@here", true, POLICY_LOCAL));
	turn_at(s, 4000);
	assert_int_equal(kernel.affinity.count, 0);
}

/* Both have the endpoint, but the heir is split. */
static void affinity_of_a_frontend_that_another_service_takes_over(void **state)
{
	struct scene *s = *state;
	struct service *heir = compiled_named("heir", "10.0.0.1 10.0.0.2@here", true, POLICY_LOCAL);

	publish(s, compiled_with("10.0.0.1 10.0.0.2@here", true, POLICY_CLUSTER));
	owners_replace(s->owners, NULL, heir, NULL, NULL);
	stale_published(s->stale, NULL, heir);
	turn_at(s, 1000);
	turn_at(s, 2000);
	record_client("10.1.0.1");
	kernel.affinity.items[0].daddr = ip("192.168.0.2");
	kernel.affinity.items[0].port = 30053;
	publish(s, NULL);
	turn_at(s, 3000);
	assert_int_equal(kernel.affinity.count, 0);
	owners_replace(s->owners, heir, NULL, NULL, NULL);
	service_free(heir);
}

/*
 * A client asked before the frontend was there. Its entry goes, but the answer, under way from beside the rules, makes
 * one that no rule sees. The same from anybody else is none of ours.
 */
static void answers_under_way_when_their_frontend_appears(void **state)
{
	struct scene *s = *state;

	track("10.1.0.1", 40000, "10.96.0.1", 53);
	publish(s, compiled("10.0.0.1", false));
	assert_int_equal(turn_at(s, 1000), REVERSED_FIRST_MS);
	assert_int_equal(flows.count, 0);
	track("10.96.0.1", 53, "10.1.0.1", 40000);
	track("10.96.0.1", 53, "10.1.0.2", 40000);
	assert_int_equal(turn_at(s, 1000 + REVERSED_FIRST_MS - 1), 1);
	assert_int_equal(flows.count, 2);
	assert_int_equal(turn_at(s, 1000 + REVERSED_FIRST_MS), 2 * REVERSED_FIRST_MS);
	assert_int_equal(flows.count, 1);
	assert_int_equal(stale_stats(s->stale)->flows_deleted[0], 2);
}

/* Also where clients ask all the time what nobody translates: looks do not call for more of themselves. */
static void looks_for_answers_under_way_end(void **state)
{
	struct scene *s = *state;
	uint64_t now_ms = 1000, wait_ms;

	track("10.1.0.1", 40000, "10.96.0.1", 53);
	publish(s, compiled("10.0.0.1", false));
	while ((wait_ms = turn_at(s, now_ms)) != UINT64_MAX) {
		track("10.1.0.2", 40000, "10.96.0.1", 53);
		now_ms += wait_ms;
		assert_true(now_ms <= 1000 + 2 * REVERSED_LAST_MS);
	}
	assert_true(now_ms > 1000 + REVERSED_LAST_MS);
	assert_int_equal(flows.count, 0);
}

static void a_failed_look_for_answers_is_tried_again(void **state)
{
	struct scene *s = *state;

	track("10.1.0.1", 40000, "10.96.0.1", 53);
	publish(s, compiled("10.0.0.1", false));
	turn_at(s, 1000);
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
		cmocka_unit_test_setup_teardown(nothing_to_do_without_a_change, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_sweep_is_tried_again_ever_slower, setup, teardown),
		cmocka_unit_test_setup_teardown(flows_wait_for_an_affinity_that_cannot_be_read, setup, teardown),
		cmocka_unit_test_setup_teardown(affinity_is_looked_at_until_nothing_is_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(affinity_from_before_the_start_is_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(affinity_does_not_wait_for_the_next_sweep, setup, teardown),
		cmocka_unit_test_setup_teardown(affinity_of_a_frontend_that_becomes_split, setup, teardown),
		cmocka_unit_test_setup_teardown(affinity_to_an_endpoint_that_moves_to_another_node, setup, teardown),
		cmocka_unit_test_setup_teardown(affinity_of_a_frontend_that_another_service_takes_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(answers_under_way_when_their_frontend_appears, setup, teardown),
		cmocka_unit_test_setup_teardown(looks_for_answers_under_way_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_look_for_answers_is_tried_again, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
