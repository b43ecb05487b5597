/* The published zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/dns_lab.h"

static struct service *with_endpoint(const char *name, const char *endpoint)
{
	return lab_headless("default", name, "http:tcp:80", endpoint, 0);
}

static void replaced_at_once(void **state)
{
	struct lab l;
	struct service *a = with_endpoint("hl", "x=10.0.0.1 y=10.0.0.2"),
		       *b = with_endpoint("hl", "x=10.0.0.3 y=10.0.0.2");

	(void)state;
	lab_init(&l);
	zone_replace(l.zone, NULL, a);
	assert_string_equal(lab_ask(&l, "1.0.0.10.in-addr.arpa", "PTR"),
			    "NOERROR aa: 1.0.0.10.in-addr.arpa. PTR x.hl.default.~ / /");
	zone_replace(l.zone, a, b);
	assert_string_equal(lab_ask(&l, "x.hl.default.svc.cluster.local", "A"),
			    "NOERROR aa: x.hl.default.~ A 10.0.0.3 / /");
	assert_string_equal(lab_ask(&l, "3.0.0.10.in-addr.arpa", "PTR"),
			    "NOERROR aa: 3.0.0.10.in-addr.arpa. PTR x.hl.default.~ / /");
	assert_string_equal(lab_ask(&l, "2.0.0.10.in-addr.arpa", "PTR"),
			    "NOERROR aa: 2.0.0.10.in-addr.arpa. PTR y.hl.default.~ / /");
	assert_string_equal(lab_ask(&l, "1.0.0.10.in-addr.arpa", "PTR"), "REFUSED: / /");
	zone_replace(l.zone, b, NULL);
	assert_string_equal(lab_ask(&l, "hl.default.svc.cluster.local", "A"), "NXDOMAIN aa: / cluster.local. SOA /");
	assert_string_equal(lab_ask(&l, "2.0.0.10.in-addr.arpa", "PTR"), "REFUSED: / /");
	lab_fini(&l);
}

static void kind_changes(void **state)
{
	struct lab l;
	struct service *vip = lab_cluster_ip("default", "s", "10.96.0.1", "http:tcp:80", "e=10.0.0.1");
	struct service *ext = lab_external("default", "s", "example.test");
	struct service *bad = lab_external("default", "s", "a..b");

	(void)state;
	lab_init(&l);
	zone_replace(l.zone, NULL, vip);
	zone_replace(l.zone, vip, ext);
	assert_string_equal(lab_ask(&l, "s.default.svc.cluster.local", "A"),
			    "NOERROR aa: s.default.~ CNAME example.test. / /");
	assert_string_equal(lab_ask(&l, "1.0.96.10.in-addr.arpa", "PTR"), "REFUSED: / /");
	zone_replace(l.zone, ext, bad);
	assert_string_equal(lab_ask(&l, "s.default.svc.cluster.local", "A"), "NXDOMAIN aa: / cluster.local. SOA /");
	lab_fini(&l);
}

static void namespaces_live_by_object_or_service(void **state)
{
	static const char name[] = "late.svc.cluster.local", none[] = "NXDOMAIN aa: / cluster.local. SOA /",
			  some[] = "NOERROR aa: / cluster.local. SOA /";
	struct lab l;
	struct service *s = lab_cluster_ip("late", "s", "10.96.0.1", "", "");

	(void)state;
	lab_init(&l);
	assert_string_equal(lab_ask(&l, name, "A"), none);
	zone_replace(l.zone, NULL, s);
	assert_string_equal(lab_ask(&l, name, "A"), some);
	zone_namespace_set(l.zone, "late", true);
	zone_replace(l.zone, s, NULL);
	assert_string_equal(lab_ask(&l, name, "A"), some);
	zone_namespace_set(l.zone, "late", false);
	assert_string_equal(lab_ask(&l, name, "A"), none);
	zone_namespace_set(l.zone, "never-seen", false);
	lab_fini(&l);
}

static void serial_moves_only_when_visible(void **state)
{
	struct lab l;
	struct service *a = with_endpoint("hl", "x=10.0.0.1"), *same = with_endpoint("hl", "x=10.0.0.1"),
		       *other = with_endpoint("hl", "x=10.0.0.2");

	(void)state;
	lab_init(&l);
	uint32_t serial = zone_serial(l.zone);
	zone_replace(l.zone, NULL, a);
	assert_int_not_equal(zone_serial(l.zone), serial);
	serial = zone_serial(l.zone);
	zone_replace(l.zone, a, same);
	assert_int_equal(zone_serial(l.zone), serial);
	zone_replace(l.zone, same, other);
	assert_true((int32_t)(zone_serial(l.zone) - serial) > 0);
	serial = zone_serial(l.zone);
	zone_namespace_set(l.zone, "default", true); /* known */
	assert_int_equal(zone_serial(l.zone), serial);
	zone_namespace_set(l.zone, "fresh", true);
	assert_int_not_equal(zone_serial(l.zone), serial);
	serial = zone_serial(l.zone);
	zone_pod_set(l.zone, &(struct addr){AF_INET, {10, 0, 0, 9}},
		     &(struct zone_pod){.ns = "default", .name = "p"}); /* unseen: pods insecure */
	assert_int_equal(zone_serial(l.zone), serial);
	lab_fini(&l);
}

static void loading_does_not_move_the_serial(void **state)
{
	struct zone *z = zone_new(&(struct zone_config){"cluster.local", 5, 5, PODS_INSECURE, NULL});
	uint32_t serial = zone_serial(z);

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		char name[16];
		snprintf(name, sizeof name, "s-%u", i);
		zone_replace(z, NULL, with_endpoint(name, "x=10.0.0.1"));
	}
	assert_int_equal(zone_serial(z), serial);
	zone_free(z);
}

static void bad_domain(void **state)
{
	(void)state;
	assert_null(zone_new(&(struct zone_config){"cluster..local", 5, 5, PODS_INSECURE, NULL}));
	assert_null(zone_new(&(struct zone_config){"", 5, 5, PODS_INSECURE, NULL}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaced_at_once),
		cmocka_unit_test(kind_changes),
		cmocka_unit_test(namespaces_live_by_object_or_service),
		cmocka_unit_test(serial_moves_only_when_visible),
		cmocka_unit_test(loading_does_not_move_the_serial),
		cmocka_unit_test(bad_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
