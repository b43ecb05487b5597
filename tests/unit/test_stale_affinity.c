/* Affinity entries that lead where their frontend no longer does, and how flows wait for them. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "stale_scene.h"

static void flows_wait_for_an_affinity_that_cannot_be_read(void **state)
{
	struct scene *s = *state;

	kernel.fail = -EINTR;
	publish(s, compiled("10.0.0.1", true));
	assert_int_equal(turn_at(s, 1000), STALE_GAP_MS);
	assert_int_equal(flows.sweeps, 0);
	kernel.fail = 0;
	assert_int_equal(turn_at(s, 1000 + STALE_GAP_MS), STALE_COALESCE_MS);
	assert_true(turn_at(s, 1000 + STALE_GAP_MS + STALE_COALESCE_MS) == UINT64_MAX);
	assert_int_equal(flows.sweeps, 1);
}

/* A look that fails again and again, as another program's changes make it, is no reason to keep stale flows. */
static void flows_do_not_wait_for_ever(void **state)
{
	struct scene *s = *state;
	uint64_t now_ms = 1000;

	kernel.fail = -EINTR;
	publish(s, compiled("10.0.0.1", true));
	while (flows.sweeps == 0 && now_ms < 60000) {
		const uint64_t wait_ms = turn_at(s, now_ms);
		now_ms += wait_ms < 60000 ? wait_ms : 60000;
	}
	assert_in_range(now_ms, 2000, 3000);
	assert_true(kernel.dumps > 1);
	publish(s, compiled("10.0.0.2", true)); /* the next one does not wait at all */
	for (const uint64_t end_ms = now_ms + STALE_GAP_MS + STALE_COALESCE_MS; now_ms <= end_ms;)
		now_ms += turn_at(s, now_ms);
	assert_int_equal(flows.sweeps, 2);
	kernel.fail = 0; /* what it finds at last is looked at again */
	record_client("10.1.0.1");
	turn_at(s, 90000);
	turn_at(s, 91000);
	assert_int_equal(kernel.affinity.count, 0);
	assert_int_equal(flows.sweeps, 3);
}

/* A large one that took long rests for ten times as long: the change after it does not wait for that. */
static void flows_do_not_wait_while_the_affinity_rests(void **state)
{
	struct scene *s = *state;

	publish(s, compiled("10.0.0.1", true));
	look_at(s, 1000);
	kernel.takes_ms = 300;
	publish(s, compiled("10.0.0.2", true));
	turn_at(s, 2000);
	turn_at(s, 2000 + STALE_COALESCE_MS);
	assert_int_equal(flows.sweeps, 2);
	publish(s, compiled("10.0.0.3", true));
	assert_in_range(turn_at(s, 3000), 1, 1000);
	turn_at(s, 4000);
	turn_at(s, 4000 + STALE_COALESCE_MS);
	assert_int_equal(kernel.dumps, 2);
	assert_int_equal(flows.sweeps, 3);
}

static void affinity_is_looked_at_until_nothing_is_stale(void **state)
{
	struct scene *s = *state;

	publish(s, compiled("10.0.0.1 10.0.0.2", true));
	assert_true(look_at(s, 1000) == UINT64_MAX);
	record_client("10.1.0.1");
	record_client("10.1.0.2");
	kernel.hidden = 1; /* the table grew meanwhile */
	publish(s, compiled("10.0.0.2", true));
	assert_in_range(turn_at(s, 2000), 1, STALE_COALESCE_MS);
	assert_int_equal(kernel.affinity.count, 1);
	assert_in_range(turn_at(s, 3000), 1, STALE_GAP_MS);
	assert_int_equal(kernel.affinity.count, 0);
	assert_int_equal(flows.sweeps, 2);
	assert_true(turn_at(s, 4000) == UINT64_MAX);
	assert_int_equal(stale_stats(s->stale).affinity_deleted, 2);
}

/* The client came before its entry went: its flow leads nowhere. */
static void flows_of_a_client_that_was_sent_wrong(void **state)
{
	struct scene *s = *state;

	publish(s, compiled("10.0.0.2", true));
	look_at(s, 1000);
	turn_at(s, 2000);
	record_client("10.1.0.1"); /* by another program */
	stale_clients(s->stale);
	turn_at(s, 3000);
	turn_at(s, 4000);
	assert_int_equal(kernel.affinity.count, 0);
	assert_int_equal(flows.sweeps, 2);
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

/* Clients must not be sent to what is gone because conntrack is being read, or was a moment ago. */
static void affinity_does_not_wait_for_the_flows(void **state)
{
	struct scene *s = *state;
	uint64_t wait_ms;

	publish(s, compiled("10.0.0.1 10.0.0.2", true));
	look_at(s, 10000);
	record_client("10.1.0.1");
	publish(s, compiled("10.0.0.2", true));
	wait_ms = turn_at(s, 10000); /* it rests as many times longer as the last look took */
	turn_at(s, 10000 + (wait_ms < STALE_GAP_MS ? wait_ms : 0));
	assert_int_equal(kernel.affinity.count, 0);
	assert_int_equal(flows.sweeps, 1);
	thread.stuck = true;
	turn_at(s, 11000);
	assert_int_equal(thread.passes, 2);
	record_client("10.1.0.1");
	publish(s, compiled("10.0.0.2 10.0.0.3", true));
	turn_at(s, 12000);
	assert_int_equal(kernel.affinity.count, 0);
	thread.stuck = false;
	turn_at(s, 13000);
}

/*
 * At a frontend that becomes split, entries of clients outside look like those of pods: what it recorded of other
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

/* Many clients: other work has its turn in between, and flows wait. */
static void affinity_is_read_in_slices(void **state)
{
	struct scene *s = *state;

	publish(s, compiled("10.0.0.1 10.0.0.2", true));
	look_at(s, 1000);
	const unsigned sweeps = flows.sweeps;
	for (unsigned i = 1; i <= 3; i++) {
		char client[32];
		snprintf(client, sizeof client, "10.1.0.%u", i);
		record_client(client);
	}
	kernel.step = 1;
	kernel.takes_ms = 6;
	publish(s, compiled("10.0.0.2", true));
	for (unsigned i = 0; i < 2; i++) {
		assert_in_range(turn_at(s, 2000), 1, 2);
		assert_int_equal(kernel.affinity.count, 3);
	}
	assert_int_equal(flows.sweeps, sweeps);
	turn_at(s, 2000);
	assert_int_equal(kernel.affinity.count, 0);
	assert_int_equal(kernel.dumps, 2);
}

/* A change while a look is under way: what was read before it is read again. */
static void affinity_of_a_change_during_a_look(void **state)
{
	struct scene *s = *state;

	publish(s, compiled("10.0.0.1 10.0.0.2 10.0.0.3", true));
	look_at(s, 1000);
	record_client("10.1.0.1");
	record_client("10.1.0.2");
	kernel.step = 1;
	kernel.takes_ms = 6;
	publish(s, compiled("10.0.0.1 10.0.0.2", true));
	turn_at(s, 2000);
	publish(s, compiled("10.0.0.2", true));
	for (uint64_t now_ms = 2001; now_ms < 10000; now_ms += 100)
		turn_at(s, now_ms);
	assert_int_equal(kernel.affinity.count, 0);
}

/* Memory and transactions do not grow with the number of clients. */
static void many_stale_entries_go_in_portions(void **state)
{
	struct scene *s = *state;

	publish(s, compiled("10.0.0.1 10.0.0.2", true));
	look_at(s, 1000);
	for (unsigned i = 0; i < 40000; i++) {
		char client[32];
		snprintf(client, sizeof client, "10.1.%u.%u", i / 250, i % 250);
		record_client(client);
	}
	kernel.step = 1000;
	kernel.commits = 0;
	publish(s, compiled("10.0.0.2", true));
	for (uint64_t now_ms = 2000; now_ms < 4000 && kernel.affinity.count != 0; now_ms += 10)
		turn_at(s, now_ms);
	assert_int_equal(kernel.affinity.count, 0);
	assert_int_equal(kernel.commits, 11);
	assert_int_equal(kernel.dumps, 3);
}

/* Before Linux 6.3: one of them cannot go. */
static void portions_that_are_refused_go_in_halves(void **state)
{
	struct scene *s = *state;

	publish(s, compiled("10.0.0.1 10.0.0.2", true));
	look_at(s, 1000);
	for (unsigned i = 0; i < 8; i++) {
		char client[32];
		snprintf(client, sizeof client, "10.1.0.%u", i);
		record_client(client);
	}
	kernel.commits = 0;
	kernel.refuses = 2; /* all, and the first half */
	publish(s, compiled("10.0.0.2", true));
	turn_at(s, 2000);
	assert_int_equal(kernel.affinity.count, 0);
	assert_int_equal(kernel.commits, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(flows_wait_for_an_affinity_that_cannot_be_read),
		SCENE(flows_do_not_wait_for_ever),
		SCENE(flows_do_not_wait_while_the_affinity_rests),
		SCENE(affinity_is_looked_at_until_nothing_is_stale),
		SCENE(flows_of_a_client_that_was_sent_wrong),
		SCENE(affinity_from_before_the_start_is_looked_at),
		SCENE(affinity_does_not_wait_for_the_flows),
		SCENE(affinity_of_a_frontend_that_becomes_split),
		SCENE(affinity_to_an_endpoint_that_moves_to_another_node),
		SCENE(affinity_of_a_frontend_that_another_service_takes_over),
		SCENE(affinity_is_read_in_slices),
		SCENE(affinity_of_a_change_during_a_look),
		SCENE(many_stale_entries_go_in_portions),
		SCENE(portions_that_are_refused_go_in_halves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
