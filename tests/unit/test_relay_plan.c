/* Plans of localhost node ports: pure functions. */
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

static void only_node_ports_with_endpoints_listen(void **state)
{
	struct frontend_key key;
	struct fixture f;

	(void)state;
	assert_true(relay_plan_key(service_make(&f, AF_INET, IPPROTO_TCP, 30000), 0, &key));
	assert_int_equal(key.port, 30000);
	assert_true(addr_is_loopback(&key.addr));
	assert_false(relay_plan_key(service_make(&f, AF_INET, IPPROTO_SCTP, 30000), 0, &key));
	assert_false(relay_plan_key(service_make(&f, AF_INET, IPPROTO_TCP, 0), 0, &key));
	service_make(&f, AF_INET6, IPPROTO_UDP, 30000);
	f.port.cluster.count = 0;
	assert_false(relay_plan_key(&f.service, 0, &key));
	service_make(&f, AF_INET6, IPPROTO_UDP, 30000);
	f.service.proxied = false;
	assert_false(relay_plan_key(&f.service, 0, &key));
}

static void choice_is_random_or_by_affinity(void **state)
{
	struct relay_choice choice = {0};
	struct fixture f;
	struct relay_plan *p = relay_plan_new(service_make(&f, AF_INET, IPPROTO_TCP, 30000), 0);

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(relay_plan_pick(p, &choice, 0, i)->port, 1000 + i % 2);
	relay_plan_free(p);

	service_make(&f, AF_INET, IPPROTO_TCP, 30000);
	f.service.affinity = true;
	f.service.affinity_timeout_s = 10;
	p = relay_plan_new(&f.service, 0);
	choice = (struct relay_choice){0};
	assert_int_equal(relay_plan_pick(p, &choice, 0, 1)->port, 1001);
	assert_int_equal(relay_plan_pick(p, &choice, 9999, 0)->port, 1001);
	assert_int_equal(relay_plan_pick(p, &choice, 19998, 0)->port, 1001); /* refreshed by the last one */
	assert_int_equal(relay_plan_pick(p, &choice, 29998, 0)->port, 1000);
	relay_plan_free(p);

	f.targets[0].flags = TARGET_SERVING | TARGET_TERMINATING; /* left the pool */
	f.port.cluster = (struct pool){.size = 1, .count = 1, .slots = &slots[1]};
	p = relay_plan_new(&f.service, 0);
	assert_true(relay_plan_serves(p, &f.targets[0]));
	assert_int_equal(relay_plan_pick(p, &choice, 29999, 0)->port, 1001);
	relay_plan_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_node_ports_with_endpoints_listen),
		cmocka_unit_test(choice_is_random_or_by_affinity),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
