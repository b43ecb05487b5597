/* IPv4-mapped IPv6 addresses of an object are IPv4, with a warning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/decoded.h"

static void mapped_addresses_are_ipv4(void **state)
{
	const struct service_object *s;
	struct decoded d;

	(void)state;
	decode_text(&d,
		    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  clusterIP: '::ffff:10.96.0.1'\n"
		    "  externalIPs: ['::ffff:192.0.2.1']\n  type: LoadBalancer\n"
		    "  loadBalancerSourceRanges: ['::ffff:10.0.0.0/104', '::ffff:0:0/90']\n  ports: [{port: 80}]\n",
		    false);
	assert_int_equal(d.count, 1);
	s = (const struct service_object *)d.objects[0];
	assert_int_equal(s->cluster_ips[0].family, AF_INET);
	assert_int_equal(s->external_ips[0].family, AF_INET);
	assert_int_equal(s->source_ranges[0].addr.family, AF_INET);
	assert_int_equal(s->source_ranges[0].prefix, 8);
	assert_int_equal(s->source_ranges[1].addr.family, AF_INET6); /* holds more than IPv4 */
	assert_non_null(strstr(d.problems.data, "\"::ffff:192.0.2.1\" is an IPv4-mapped IPv6 address, read as IPv4"));
	decoded_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(mapped_addresses_are_ipv4)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
