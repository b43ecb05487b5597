/* Readers answer while the writer publishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "dns/zone/rcu.h"
#include "tests/unit/dns_lab.h"

#define READERS 2
#define CHANGES 3000

static struct lab lab;
static _Atomic bool ended;

static const char *const names[] = {"pair.default.svc.cluster.local",
				    "x.pair.default.svc.cluster.local",
				    "_http._tcp.pair.default.svc.cluster.local",
				    "gone.default.svc.cluster.local",
				    "alias.default.svc.cluster.local",
				    "1.0.0.10.in-addr.arpa",
				    "0.10.in-addr.arpa",
				    "fleeting.svc.cluster.local",
				    "10-0-0-1.fleeting.pod.cluster.local",
				    "ns.dns.cluster.local",
				    "7.7.96.10.in-addr.arpa"};
static const unsigned types[] = {TYPE_A, TYPE_A, TYPE_SRV, TYPE_A, TYPE_A,  TYPE_PTR,
				 TYPE_A, TYPE_A, TYPE_A,   TYPE_A, TYPE_PTR};

/* Both addresses of "pair" must be of one version: 10.0.N.1 and 10.0.N.2. */
static void check_pair(const uint8_t *reply, size_t question_end)
{
	const uint8_t *first = reply + question_end + 12, *second = first + 16;

	if (wire_get16(reply + 6) == 0)
		return;
	if (wire_get16(reply + 6) != 2 || first[2] != second[2] || first[3] == second[3])
		abort();
}

static void *read_all(void *arg)
{
	struct responder responder = {.config = &lab.config, .counts = arg};
	struct sockaddr_in from = {.sin_family = AF_INET};
	uint8_t query[512], reply[1232];

	rcu_register_thread();
	for (unsigned i = 0; i < 100 || !atomic_load(&ended); i++) { /* at least once each */
		unsigned n = i % (sizeof names / sizeof *names);
		struct packet in = {query, lab_query(query, names[n], types[n], CLASS_IN, 1232),
				    (struct sockaddr *)&from, RESPOND_UDP};
		size_t bytes;
		if (respond(&responder, &in, reply, sizeof reply, &bytes) != RESPOND_REPLY)
			abort();
		if (n == 0)
			check_pair(reply, in.length - 11);
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	return NULL;
}

static struct service *pair(unsigned version)
{
	char endpoints[64];

	snprintf(endpoints, sizeof endpoints, "x=10.0.%u.1 y=10.0.%u.2", version % 200, version % 200);
	return lab_headless("default", "pair", "http:tcp:80", endpoints, 0);
}

static void change(unsigned i, struct service **current)
{
	struct addr addr = {AF_INET, {10, 0, 0, 1}}, server = {AF_INET, {192, 0, 2, (uint8_t)i}};
	struct cidr range = {{AF_INET, {10, 96}}, 12};
	struct service *next = pair(i), *gone = lab_cluster_ip("fleeting", "gone", "10.0.0.1", "http:tcp:80", "");

	zone_replace(lab.zone, *current, next);
	*current = next;
	zone_replace(lab.zone, NULL, gone);
	zone_namespace_set(lab.zone, "fleeting", i % 2 == 0);
	zone_pod_set(lab.zone, &addr, i % 3 == 0 ? NULL : &(struct zone_pod){.ns = "fleeting", .name = "p"});
	zone_server_addrs_set(lab.zone, &server, i % 2);
	zone_reverse_set(lab.zone, &range, i % 2);
	zone_replace(lab.zone, gone, NULL);
}

/* One writer, readers that never wait: nothing is freed under them and no answer mixes two versions. */
static void readers_and_a_writer(void **state)
{
	static struct respond_counts counts[READERS];
	pthread_t threads[READERS];
	struct service *current = pair(0);

	(void)state;
	lab_init(&lab);
	lab.config.fixed_order = false;
	lab_put(&lab, current);
	lab_put(&lab, lab_external("default", "alias", "pair.default.svc.cluster.local"));
	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &counts[i]), 0);
	for (unsigned i = 1; i < CHANGES; i++)
		change(i, &current);
	atomic_store(&ended, true);
	for (unsigned i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(counts[i].replies[RCODE_NOERROR] > 0);
	}
	lab_fini(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(readers_and_a_writer)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
