/* Answers for names that are no services: branches of the tree, pods, and before the first complete state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/answer_zone.h"

static void branches(void **state)
{
	static const struct lab_row rows[] = {
		{"cluster.local", "A", NODATA},
		{"cluster.local", "TXT", NODATA},
		{"cluster.local", "SOA", "NOERROR aa: cluster.local. SOA / /"},
		{"cluster.local", "NS", NODATA}, /* no address is known */
		{"svc.cluster.local", "A", NODATA},
		{"svc.cluster.local", "TXT", NODATA},
		{"svc.cluster.local", "ANY", NODATA},
		{"pod.cluster.local", "NS", NODATA},
		{"default.svc.cluster.local", "A", NODATA},
		{"default.svc.cluster.local", "TXT", NODATA},
		{"default.pod.cluster.local", "A", NODATA},
		{"other.svc.cluster.local", "SRV", NODATA},
		{"lonely.svc.cluster.local", "A", NODATA}, /* no Namespace object, but a service in it */
		{"nosuchns.svc.cluster.local", "A", NXDOMAIN},
		{"nosuchns.svc.cluster.local", "SOA", NXDOMAIN},
		{"nosuchns.pod.cluster.local", "A", NXDOMAIN},
		{"nosvc.nosuchns.svc.cluster.local", "A", NXDOMAIN},
		{"foo.cluster.local", "A", NXDOMAIN},
		{"svc.foo.cluster.local", "A", NXDOMAIN},
		{"dns-version.cluster.local", "TXT", "NOERROR aa: dns-version.cluster.local. TXT \"1.1.0\" / /"},
		{"DNS-Version.Cluster.Local", "TXT", "NOERROR aa: DNS-Version.Cluster.Local. TXT \"1.1.0\" / /"},
		{"dns-version.cluster.local", "A", NODATA},
		{"x.dns-version.cluster.local", "TXT", NXDOMAIN},
		{"dns.cluster.local", "A", NODATA},
		{"ns.dns.cluster.local", "A", NODATA},
		{"x.dns.cluster.local", "A", NXDOMAIN},
		{"x.ns.dns.cluster.local", "A", NXDOMAIN},
		{"100.0.0.10.cluster.local", "PTR", NXDOMAIN},
		{"example.com", "A", "REFUSED: / /"},
		{".", "NS", "REFUSED: / /"},
		{"local", "A", "REFUSED: / /"},
		{"notcluster.local", "A", "REFUSED: / /"},
		{"xcluster.local", "A", "REFUSED: / /"},
	};
	(void)state;
	CHECK(rows);
}

static void pods(void **state)
{
	static const struct lab_row rows[] = {
		{"10-244-0-2.default.pod.cluster.local", "A",
		 "NOERROR aa: 10-244-0-2.default.pod.cluster.local. A 10.244.0.2 / /"},
		{"1-2-3-4.default.pod.cluster.local", "AAAA", NODATA},
		{"1-2-3-4.default.pod.cluster.local", "SRV", NODATA},
		{"2001-db8--1.default.pod.cluster.local", "AAAA",
		 "NOERROR aa: 2001-db8--1.default.pod.cluster.local. AAAA 2001:db8::1 / /"},
		{"2001-db8--1.default.pod.cluster.local", "A", NODATA},
		{"--1.default.pod.cluster.local", "AAAA", "NOERROR aa: --1.default.pod.cluster.local. AAAA ::1 / /"},
		{"1-2-3.default.pod.cluster.local", "A", NXDOMAIN},
		{"1-2-3-256.default.pod.cluster.local", "A", NXDOMAIN},
		{"01-2-3-4.default.pod.cluster.local", "A", NXDOMAIN},
		{"1-2-3-4-5.default.pod.cluster.local", "A", NXDOMAIN},
		{"abc.default.pod.cluster.local", "A", NXDOMAIN},
		{"1-2-3-4.nosuchns.pod.cluster.local", "A", NXDOMAIN},
		{"x.1-2-3-4.default.pod.cluster.local", "A", NXDOMAIN},
	};
	(void)state;
	CHECK(rows);
}

static void pods_of_other_modes(void **state)
{
	struct lab l;
	struct addr a = lab_addr("10.244.0.2");
	static const char name[] = "10-244-0-2.default.pod.cluster.local";

	(void)state;
	lab_init(&l);
	((struct zone *)l.config.zone)->pods_mode = PODS_DISABLED;
	assert_string_equal(lab_ask(&l, name, "A"), NXDOMAIN);
	((struct zone *)l.config.zone)->pods_mode = PODS_VERIFIED;
	assert_string_equal(lab_ask(&l, name, "A"), NXDOMAIN);
	zone_pod_set(l.zone, &a, &(struct zone_pod){.ns = "default", .name = "web-0"});
	assert_string_equal(lab_ask(&l, name, "A"),
			    "NOERROR aa: 10-244-0-2.default.pod.cluster.local. A 10.244.0.2 / /");
	assert_string_equal(lab_ask(&l, "10-244-0-2.other.pod.cluster.local", "A"), NXDOMAIN);
	zone_pod_set(l.zone, &a, &(struct zone_pod){.ns = "other", .name = "web-0"});
	assert_string_equal(lab_ask(&l, name, "A"), NXDOMAIN);
	zone_pod_set(l.zone, &a, NULL);
	assert_string_equal(lab_ask(&l, "10-244-0-2.other.pod.cluster.local", "A"), NXDOMAIN);
	lab_fini(&l);
}

static void before_complete(void **state)
{
	static const char *const names[] = {"web.default.svc.cluster.local", "cluster.local", "nx.cluster.local",
					    "1.0.96.10.in-addr.arpa"};
	struct lab l = {0};

	(void)state;
	l.zone = zone_new(&(struct zone_config){"cluster.local", 5, 5, PODS_INSECURE, NULL});
	l.config.zone = l.zone;
	l.responder = (struct responder){.config = &l.config, .counts = &l.counts};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_string_equal(lab_ask(&l, names[i], "A"), "SERVFAIL: / /");
	assert_string_equal(lab_ask(&l, "example.com", "A"), "REFUSED: / /");
	zone_complete(l.zone);
	assert_string_equal(lab_ask(&l, names[0], "A"), NXDOMAIN);
	lab_fini(&l);
}

/* With a very long cluster domain some target names would pass 255 bytes: they are left out, nothing breaks. */
static void names_too_long(void **state)
{
	char domain[256] = "", name[512], label[64];
	struct lab l = {0};

	(void)state;
	memset(label, 'd', 63);
	label[63] = '\0';
	snprintf(domain, sizeof domain, "%s.%s.%s", label, label, label);
	l.zone = zone_new(&(struct zone_config){domain, 5, 5, PODS_INSECURE, NULL});
	l.config.zone = l.zone;
	l.responder = (struct responder){.config = &l.config, .counts = &l.counts};
	memset(label, 'e', 63);
	char endpoint[128];
	snprintf(endpoint, sizeof endpoint, "%s=10.0.0.1", label);
	lab_put(&l, lab_headless("n", "s", "p:tcp:1", endpoint, 0));
	zone_complete(l.zone);
	snprintf(name, sizeof name, "s.n.svc.%s", domain);
	assert_non_null(strstr(lab_ask(&l, name, "A"), " A 10.0.0.1 / /"));
	assert_non_null(strstr(lab_ask(&l, name, "SRV"), " SOA /"));
	assert_non_null(strstr(lab_ask(&l, "1.0.0.10.in-addr.arpa", "PTR"), "NOERROR aa: / in-addr.arpa. SOA /"));
	lab_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(branches),
		cmocka_unit_test(pods),
		cmocka_unit_test(pods_of_other_modes),
		cmocka_unit_test(before_complete),
		cmocka_unit_test(names_too_long),
	};

	return cmocka_run_group_tests(tests, fill, empty);
}
