/* What only watch/lab/ needs of manifests. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/decoded_service.h"

#define PORT "ports: [{port: 80}]"

/* What only watch/lab/ needs is left out of an API server's objects: a change of it is none. */
static void wishes(void **state)
{
	static const char text[] = SPEC("ipFamilyPolicy: PreferDualStack, ipFamilies: [IPv6, IPv4], selector: {tier: "
					"a, app: web}, type: LoadBalancer, "
					"allocateLoadBalancerNodePorts: false, loadBalancerClass: example.com/x, "
					"loadBalancerIP: 192.0.2.1, " PORT);
	static const struct service_wishes none;
	struct decoded d;
	const struct service_wishes *w = service_wishes(one_service(&d, text, false));

	(void)state;
	assert_int_equal(w->family_policy, FAMILY_PREFER_DUAL);
	assert_int_equal(w->family_count, 2);
	assert_int_equal(w->families[0], AF_INET6);
	assert_true(w->no_node_ports && w->other_balancer);
	assert_true(addr_is(&w->balancer_ip, "192.0.2.1"));
	assert_int_equal(w->selector_count, 2);
	assert_string_equal(w->selector[0].key, "app"); /* sorted */
	assert_string_equal(w->selector[0].value, "web");
	decoded_fini(&d);
	w = service_wishes(one_service(&d, text, true));
	assert_memory_equal(w, &none, sizeof none);
	decoded_fini(&d);
	assert_problems(SPEC("type: LoadBalancer, loadBalancerIP: nas, " PORT),
			"4 Service prod/web: spec.loadBalancerIP: \"nas\" is not an IP address\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wishes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
