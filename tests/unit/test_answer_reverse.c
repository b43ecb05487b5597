/* Reverse names: records, empty non-terminals, configured ranges (dns.md B.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/zone/table.h"
#include "tests/unit/dns_lab.h"

static struct lab lab;

#define ARPA_NODATA "NOERROR aa: / in-addr.arpa. SOA /"
#define SOA " / cluster.local. SOA /"
#define NODATA "NOERROR aa:" SOA

static int fill(void **state)
{
	(void)state;
	lab_init(&lab);
	lab_put(&lab, lab_cluster_ip("default", "kubernetes", "10.96.0.1", "https:tcp:443", "172.18.0.2"));
	lab_put(&lab, lab_cluster_ip("default", "dual", "10.96.0.20 fd00:96::20", "http:tcp:80", ""));
	lab_put(&lab,
		lab_headless("default", "hl", "http:tcp:80", "hl-0=10.244.1.10 hl-0=fd00:244::10 10.244.1.12", 1));
	lab_put(&lab, lab_headless("default", "mixed", "http:tcp:80 admin:tcp:81",
				   "a=10.244.3.1/0 a=10.244.3.1/1 b=10.244.3.1/0", 0));
	return 0;
}

static int empty(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

#define CHECK(rows) assert_int_equal(lab_differing(&lab, rows, sizeof rows / sizeof *rows), 0)

static void reverse(void **state)
{
	static const struct lab_row rows[] = {
		{"1.0.96.10.in-addr.arpa", "PTR", "NOERROR aa: 1.0.96.10.in-addr.arpa. PTR kubernetes.default.~ / /"},
		{"1.0.96.10.IN-ADDR.arpa", "PTR", "NOERROR aa: 1.0.96.10.IN-ADDR.arpa. PTR kubernetes.default.~ / /"},
		{"2.0.18.172.in-addr.arpa", "PTR",
		 "NOERROR aa: 2.0.18.172.in-addr.arpa. PTR 172-18-0-2.kubernetes.default.~ / /"},
		{"12.1.244.10.in-addr.arpa", "PTR",
		 "NOERROR aa: 12.1.244.10.in-addr.arpa. PTR 10-244-1-12.hl.default.~ / /"},
		{"1.3.244.10.in-addr.arpa", "PTR",
		 "NOERROR aa: 1.3.244.10.in-addr.arpa. PTR a.mixed.default.~, 1.3.244.10.in-addr.arpa. PTR "
		 "b.mixed.default.~ / /"},
		{"0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa", "PTR",
		 "NOERROR aa: 0.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa. PTR "
		 "dual.default.~ / /"},
		{"1.0.96.10.in-addr.arpa", "A", ARPA_NODATA},
		{"1.0.96.10.in-addr.arpa", "SOA", ARPA_NODATA},
		{"1.0.96.10.in-addr.arpa", "ANY", "NOERROR aa: 1.0.96.10.in-addr.arpa. HINFO \"RFC8482\" \"\" / /"},
		{"0.96.10.in-addr.arpa", "PTR", ARPA_NODATA},
		{"10.in-addr.arpa", "PTR", ARPA_NODATA},
		{"d.f.ip6.arpa", "PTR", "NOERROR aa: / ip6.arpa. SOA /"},
		{"x.1.0.96.10.in-addr.arpa", "PTR", "NXDOMAIN aa: / in-addr.arpa. SOA /"},
		{"13.1.244.10.in-addr.arpa", "PTR", "REFUSED: / /"},
		{"9.9.9.9.in-addr.arpa", "PTR", "REFUSED: / /"},
		{"1.96.10.in-addr.arpa", "PTR", "REFUSED: / /"},
		{"256.0.96.10.in-addr.arpa", "PTR", "REFUSED: / /"},
		{"01.0.96.10.in-addr.arpa", "PTR", "REFUSED: / /"},
		{"in-addr.arpa", "SOA", "REFUSED: / /"},
		{"g.f.ip6.arpa", "PTR", "REFUSED: / /"},
		{"arpa", "NS", "REFUSED: / /"},
	};
	(void)state;
	CHECK(rows);
}

static void reverse_ranges(void **state)
{
	static const struct lab_row rows[] = {
		{"1.0.96.10.in-addr.arpa", "PTR", "NOERROR aa: 1.0.96.10.in-addr.arpa. PTR kubernetes.default.~ / /"},
		{"1.0.96.10.in-addr.arpa", "A", "NOERROR aa: / 96.10.in-addr.arpa. SOA /"},
		{"7.7.96.10.in-addr.arpa", "PTR", "NXDOMAIN aa: / 96.10.in-addr.arpa. SOA /"},
		{"7.7.111.10.in-addr.arpa", "PTR", "NXDOMAIN aa: / 111.10.in-addr.arpa. SOA /"},
		{"x.7.96.10.in-addr.arpa", "PTR", "NXDOMAIN aa: / 96.10.in-addr.arpa. SOA /"},
		{"7.7.112.10.in-addr.arpa", "PTR", "REFUSED: / /"},
		{"96.10.in-addr.arpa", "SOA", "NOERROR aa: 96.10.in-addr.arpa. SOA / /"},
		{"96.10.in-addr.arpa", "A", "NOERROR aa: / 96.10.in-addr.arpa. SOA /"},
		{"96.10.in-addr.arpa", "NS",
		 "NOERROR aa: 96.10.in-addr.arpa. NS ns.dns.96.10.in-addr.arpa. / / ns.dns.96.10.in-addr.arpa. A "
		 "192.0.2.53"},
		{"ns.dns.96.10.in-addr.arpa", "A", "NOERROR aa: ns.dns.96.10.in-addr.arpa. A 192.0.2.53 / /"},
		{"dns.96.10.in-addr.arpa", "A", "NOERROR aa: / 96.10.in-addr.arpa. SOA /"},
		{"10.in-addr.arpa", "PTR", ARPA_NODATA},
		{"cluster.local", "NS",
		 "NOERROR aa: cluster.local. NS ns.dns.cluster.local. / / ns.dns.cluster.local. A 192.0.2.53"},
		{"ns.dns.cluster.local", "A", "NOERROR aa: ns.dns.cluster.local. A 192.0.2.53 / /"},
		{"ns.dns.cluster.local", "AAAA", NODATA},
	};
	struct cidr range;
	struct addr servers[] = {lab_addr("127.0.0.1"), lab_addr("192.0.2.53"), lab_addr("::")};

	(void)state;
	assert_true(cidr_parse(&range, "10.96.0.0/12"));
	zone_reverse_set(lab.zone, &range, 1);
	zone_server_addrs_set(lab.zone, servers, 3);
	CHECK(rows);
	zone_reverse_set(lab.zone, NULL, 0);
	zone_server_addrs_set(lab.zone, NULL, 0);
}

/* An address of several services: a ClusterIP names one service, an endpoint all of them. */
static void reverse_shared(void **state)
{
	struct lab l;

	(void)state;
	lab_init(&l);
	lab_put(&l, lab_headless("default", "two", "http:tcp:80", "ep=10.244.0.9", 0));
	lab_put(&l, lab_cluster_ip("default", "one", "10.96.0.1", "http:tcp:80", "ep=10.244.0.9"));
	assert_string_equal(lab_ask(&l, "9.0.244.10.in-addr.arpa", "PTR"),
			    "NOERROR aa: 9.0.244.10.in-addr.arpa. PTR ep.two.default.~, "
			    "9.0.244.10.in-addr.arpa. PTR ep.one.default.~ / /");
	lab_put(&l, lab_cluster_ip("other", "vip", "10.244.0.9", "http:tcp:80", ""));
	lab_put(&l, lab_cluster_ip("default", "vip", "10.244.0.9", "http:tcp:80", ""));
	assert_string_equal(lab_ask(&l, "9.0.244.10.in-addr.arpa", "PTR"),
			    "NOERROR aa: 9.0.244.10.in-addr.arpa. PTR vip.default.~ / /");
	lab_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reverse),
		cmocka_unit_test(reverse_ranges),
		cmocka_unit_test(reverse_shared),
	};

	return cmocka_run_group_tests(tests, fill, empty);
}
