/* Every row of the answer table (dns.md B.4) and every deviation from CoreDNS, with services by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/answer_zone.h"

static void cluster_ip(void **state)
{
	static const struct lab_row rows[] = {
		{"kubernetes" S, "A", "NOERROR aa: kubernetes.default.~ A 10.96.0.1 / /"},
		{"kubernetes" S, "AAAA", NODATA},
		{"dual" S, "A", "NOERROR aa: dual.default.~ A 10.96.0.20 / /"},
		{"dual" S, "AAAA", "NOERROR aa: dual.default.~ AAAA fd00:96::20 / /"},
		{"six" S, "A", NODATA},
		{"six" S, "AAAA", "NOERROR aa: six.default.~ AAAA fd00:96::6 / /"},
		{"KuberNetes.DEFAULT.svc.Cluster.Local", "A",
		 "NOERROR aa: KuberNetes.DEFAULT.svc.Cluster.Local. A 10.96.0.1 / /"},
		{"kubernetes" S, "MX", NODATA},
		{"kubernetes" S, "SOA", NODATA},
		{"kubernetes" S, "NS", NODATA},
		{"kubernetes" S, "CNAME", NODATA},
		{"kubernetes" S, "HTTPS", NODATA},
		{"kubernetes" S, "DS", NODATA},
		{"kubernetes" S, "TYPE65280", NODATA},
		{"kubernetes" S, "ANY", "NOERROR aa: kubernetes.default.~ HINFO \"RFC8482\" \"\" / /"},
		{"pending" S, "A", NXDOMAIN},
		{"nosvc" S, "A", NXDOMAIN},
		{"nosvc" S, "ANY", NXDOMAIN},
		{"nosvc" S, "SOA", NXDOMAIN},
		{"*" S, "A", NXDOMAIN},
		{"any" S, "A", NXDOMAIN},
		{"a.b.c.d.e.default.svc.cluster.local", "A", NXDOMAIN},
	};
	(void)state;
	CHECK(rows);
}

static void cluster_ip_srv(void **state)
{
	static const struct lab_row rows[] = {
		{"kubernetes" S, "SRV",
		 "NOERROR aa: kubernetes.default.~ SRV 0 100 443 kubernetes.default.~ / / kubernetes.default.~ A "
		 "10.96.0.1"},
		{"unnamed" S, "SRV",
		 "NOERROR aa: unnamed.default.~ SRV 0 100 8080 unnamed.default.~ / / unnamed.default.~ A 10.96.0.22"},
		{"dual" S, "SRV",
		 "NOERROR aa: dual.default.~ SRV 0 50 80 dual.default.~ / / dual.default.~ A 10.96.0.20, "
		 "dual.default.~ AAAA fd00:96::20"},
		{"multi" S, "SRV",
		 "NOERROR aa: multi.default.~ SRV 0 33 53 multi.default.~, multi.default.~ SRV 0 33 80 "
		 "multi.default.~, "
		 "multi.default.~ SRV 0 33 443 multi.default.~ / / multi.default.~ A 10.96.0.23"},
		{"twice" S, "SRV",
		 "NOERROR aa: twice.default.~ SRV 0 33 53 twice.default.~, twice.default.~ SRV 0 33 99 twice.default.~ "
		 "/ / "
		 "twice.default.~ A 10.96.0.24"},
		{"noports" S, "SRV", NODATA},
		{"_dns._udp.multi" S, "SRV",
		 "NOERROR aa: _dns._udp.multi.default.~ SRV 0 100 53 multi.default.~ / / multi.default.~ A 10.96.0.23"},
		{"_HTTP._TCP.multi" S, "SRV",
		 "NOERROR aa: _HTTP._TCP.multi.default.~ SRV 0 100 80 multi.default.~ / / multi.default.~ A "
		 "10.96.0.23"},
		{"_sig._sctp.twice" S, "SRV",
		 "NOERROR aa: _sig._sctp.twice.default.~ SRV 0 100 99 twice.default.~ / / twice.default.~ A "
		 "10.96.0.24"},
		{"_dns._tcp.multi" S, "SRV", NXDOMAIN},
		{"_x._tcp.multi" S, "SRV", NXDOMAIN},
		{"_._tcp.unnamed" S, "SRV", NXDOMAIN},
		{"_http._x.multi" S, "SRV", NXDOMAIN},
		{"http.tcp.multi" S, "SRV", NXDOMAIN},
		{"_http.tcp.multi" S, "SRV", NXDOMAIN},
		{"http._tcp.multi" S, "SRV", NXDOMAIN},
		{"_http._tcp.ep.multi" S, "SRV", NXDOMAIN},
		{"_http._tcp.multi" S, "A", NODATA},
		{"_http._tcp.multi" S, "AAAA", NODATA},
		{"_x._tcp.multi" S, "A", NXDOMAIN},
		{"_tcp.multi" S, "SRV", NODATA},
		{"_tcp.multi" S, "A", NODATA},
		{"_udp.multi" S, "A", NODATA},
		{"_sctp.multi" S, "A", NXDOMAIN},
		{"_tcp.unnamed" S, "SRV", NXDOMAIN},
		{"_tcp.noports" S, "A", NXDOMAIN},
	};
	(void)state;
	CHECK(rows);
}

static void headless(void **state)
{
	static const struct lab_row rows[] = {
		{"hl" S, "A",
		 "NOERROR aa: hl.default.~ A 10.244.1.10, hl.default.~ A 10.244.1.11, hl.default.~ A 10.244.1.12 / /"},
		{"hl" S, "AAAA", "NOERROR aa: hl.default.~ AAAA fd00:244::10 / /"},
		{"hl" S, "TXT", NODATA},
		{"hl-0.hl" S, "A", "NOERROR aa: hl-0.hl.default.~ A 10.244.1.10 / /"},
		{"HL-0.hl" S, "A", "NOERROR aa: HL-0.hl.default.~ A 10.244.1.10 / /"},
		{"hl-0.hl" S, "AAAA", "NOERROR aa: hl-0.hl.default.~ AAAA fd00:244::10 / /"},
		{"hl-1.hl" S, "AAAA", NODATA},
		{"hl-1.hl" S, "ANY", "NOERROR aa: hl-1.hl.default.~ HINFO \"RFC8482\" \"\" / /"},
		{"10-244-1-12.hl" S, "A", "NOERROR aa: 10-244-1-12.hl.default.~ A 10.244.1.12 / /"},
		{"hl-2.hl" S, "A", NXDOMAIN},
		{"hl-.hl" S, "A", NXDOMAIN},
		{"hl-00.hl" S, "A", NXDOMAIN},
		{"*.hl" S, "A", NXDOMAIN},
		{"x.hl-0.hl" S, "A", NXDOMAIN},
		{"ep.multi" S, "A", "NOERROR aa: ep.multi.default.~ A 10.244.1.5 / /"},
		{"ep.multi" S, "AAAA", "NOERROR aa: ep.multi.default.~ AAAA fd00:244::5 / /"},
		{"same" S, "A",
		 "NOERROR aa: same.default.~ A 10.244.2.1, same.default.~ A 10.244.2.2, same.default.~ A 10.244.2.3 / "
		 "/"},
		{"a.same" S, "A",
		 "NOERROR aa: a.same.default.~ A 10.244.2.1, a.same.default.~ A 10.244.2.2, a.same.default.~ A "
		 "10.244.2.3 / /"},
		{"hl-six" S, "A", NODATA},
		{"hl-six" S, "AAAA", "NOERROR aa: hl-six.default.~ AAAA fd00:244::66 / /"},
		{"mixed" S, "A", "NOERROR aa: mixed.default.~ A 10.244.3.1, mixed.default.~ A 10.244.3.3 / /"},
		{"a.mixed" S, "A", "NOERROR aa: a.mixed.default.~ A 10.244.3.1 / /"},
		{"hl-empty" S, "A", NXDOMAIN},
		{"hl-empty" S, "SRV", NXDOMAIN},
		{"hl-notready" S, "A", NXDOMAIN},
		{"hl-notready" S, "AAAA", NXDOMAIN},
		{"x.hl-notready" S, "A", NXDOMAIN},
		{"_tcp.hl-notready" S, "A", NXDOMAIN},
	};
	(void)state;
	CHECK(rows);
}

static void headless_srv(void **state)
{
	static const char three[] = "SRV 0 25 80 10-244-1-12.hl.default.~, %s SRV 0 25 80 hl-0.hl.default.~, %s SRV 0 "
				    "25 80 hl-1.hl.default.~ "
				    "/ / 10-244-1-12.hl.default.~ A 10.244.1.12, hl-0.hl.default.~ A 10.244.1.10, "
				    "hl-0.hl.default.~ AAAA fd00:244::10, hl-1.hl.default.~ A 10.244.1.11";
	static const char *const owners[] = {"hl.default.~", "_http._tcp.hl.default.~"};
	static const char *const names[] = {"hl" S, "_http._tcp.hl" S};
	static const struct lab_row rows[] = {
		{"hl-0.hl" S, "SRV",
		 "NOERROR aa: hl-0.hl.default.~ SRV 0 50 80 hl-0.hl.default.~ / / hl-0.hl.default.~ A 10.244.1.10, "
		 "hl-0.hl.default.~ AAAA fd00:244::10"},
		{"same" S, "SRV",
		 "NOERROR aa: same.default.~ SRV 0 33 80 a.same.default.~ / / a.same.default.~ A 10.244.2.1, "
		 "a.same.default.~ A 10.244.2.2, a.same.default.~ A 10.244.2.3"},
		{"mixed" S, "SRV",
		 "NOERROR aa: mixed.default.~ SRV 0 25 80 a.mixed.default.~, mixed.default.~ SRV 0 25 81 "
		 "a.mixed.default.~, "
		 "mixed.default.~ SRV 0 25 80 b.mixed.default.~, mixed.default.~ SRV 0 25 82 c.mixed.default.~ / / "
		 "a.mixed.default.~ A 10.244.3.1, b.mixed.default.~ A 10.244.3.1, c.mixed.default.~ A 10.244.3.3"},
		{"_admin._tcp.mixed" S, "SRV",
		 "NOERROR aa: _admin._tcp.mixed.default.~ SRV 0 100 81 a.mixed.default.~ / / a.mixed.default.~ A "
		 "10.244.3.1"},
		{"hl-noports" S, "SRV", NODATA},
		{"10-244-1-23.hl-noports" S, "SRV", NODATA},
		{"_http._udp.hl" S, "SRV", NXDOMAIN},
		{"_tcp.hl" S, "SRV", NODATA},
		{"_http._tcp.hl" S, "A", NODATA},
	};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		char expected[1024], head[512];
		snprintf(head, sizeof head, "NOERROR aa: %s %s", owners[i], three);
		snprintf(expected, sizeof expected, head, owners[i], owners[i]);
		assert_string_equal(lab_ask(&lab, names[i], "SRV"), expected);
	}
	CHECK(rows);
}

static void external_name(void **state)
{
	static const struct lab_row rows[] = {
		{"ext" S, "A", "NOERROR aa: ext.default.~ CNAME WWW.example.test. / /"},
		{"ext" S, "TXT", "NOERROR aa: ext.default.~ CNAME WWW.example.test. / /"},
		{"ext" S, "CNAME", "NOERROR aa: ext.default.~ CNAME WWW.example.test. / /"},
		{"ext" S, "ANY", "NOERROR aa: ext.default.~ CNAME WWW.example.test. / /"},
		{"ext-ip" S, "A", "NOERROR aa: ext-ip.default.~ CNAME 192.0.2.9. / /"},
		{"_http._tcp.ext" S, "SRV", NXDOMAIN},
		{"x.ext" S, "CNAME", NXDOMAIN},
		{"ext-int" S, "A",
		 "NOERROR aa: ext-int.default.~ CNAME kubernetes.default.~, kubernetes.default.~ A 10.96.0.1 / /"},
		{"ext-int" S, "AAAA", "NOERROR aa: ext-int.default.~ CNAME kubernetes.default.~" SOA},
		{"ext-int" S, "TXT", "NOERROR aa: ext-int.default.~ CNAME kubernetes.default.~" SOA},
		{"ext-int" S, "CNAME", "NOERROR aa: ext-int.default.~ CNAME kubernetes.default.~ / /"},
		{"ext-int" S, "SRV",
		 "NOERROR aa: ext-int.default.~ CNAME kubernetes.default.~, kubernetes.default.~ SRV 0 100 443 "
		 "kubernetes.default.~ / / kubernetes.default.~ A 10.96.0.1"},
		{"ext-two" S, "A",
		 "NOERROR aa: ext-two.default.~ CNAME ext-int.default.~, ext-int.default.~ CNAME kubernetes.default.~, "
		 "kubernetes.default.~ A 10.96.0.1 / /"},
		{"ext-ep" S, "A",
		 "NOERROR aa: ext-ep.default.~ CNAME hl-0.hl.default.~, hl-0.hl.default.~ A 10.244.1.10 / /"},
		{"ext-srv" S, "SRV",
		 "NOERROR aa: ext-srv.default.~ CNAME _https._tcp.kubernetes.default.~, "
		 "_https._tcp.kubernetes.default.~ SRV 0 100 443 kubernetes.default.~ / / kubernetes.default.~ A "
		 "10.96.0.1"},
		{"ext-intnx" S, "A", "NXDOMAIN aa: ext-intnx.default.~ CNAME nope.default.~" SOA},
		{"ext-intnx" S, "CNAME", "NOERROR aa: ext-intnx.default.~ CNAME nope.default.~ / /"},
		{"ext-self" S, "A", NODATA},
		{"ext-self" S, "CNAME", "NOERROR aa: ext-self.default.~ CNAME ext-self.default.~ / /"},
		{"ext-a" S, "AAAA", NODATA},
	};
	(void)state;
	CHECK(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cluster_ip),	cmocka_unit_test(cluster_ip_srv), cmocka_unit_test(headless),
		cmocka_unit_test(headless_srv), cmocka_unit_test(external_name),
	};

	return cmocka_run_group_tests(tests, fill, empty);
}
