/* Every row of the answer table (dns.md B.4) and every deviation from CoreDNS, with services by hand. */
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

#define SOA " / cluster.local. SOA /"
#define NODATA "NOERROR aa:" SOA
#define NXDOMAIN "NXDOMAIN aa:" SOA

static int fill(void **state)
{
	(void)state;
	lab_init(&lab);
	lab_put(&lab, lab_cluster_ip("default", "kubernetes", "10.96.0.1", "https:tcp:443", "172.18.0.2"));
	lab_put(&lab, lab_cluster_ip("default", "dual", "10.96.0.20 fd00:96::20", "http:tcp:80", ""));
	lab_put(&lab, lab_cluster_ip("default", "six", "fd00:96::6", "http:tcp:80", ""));
	lab_put(&lab, lab_cluster_ip("default", "noports", "10.96.0.21", "", ""));
	lab_put(&lab, lab_cluster_ip("default", "unnamed", "10.96.0.22", ":tcp:8080", ""));
	lab_put(&lab, lab_cluster_ip("default", "multi", "10.96.0.23", "dns:udp:53 http:tcp:80 https:tcp:443",
				     "ep=10.244.1.5 ep=fd00:244::5"));
	lab_put(&lab, lab_cluster_ip("default", "twice", "10.96.0.24", "dns:udp:53 dns-tcp:tcp:53 sig:sctp:99", ""));
	lab_put(&lab, lab_cluster_ip("default", "pending", "", "http:tcp:80", "")); /* clusterIP not allocated yet */
	lab_put(&lab, lab_headless("default", "hl", "http:tcp:80",
				   "hl-0=10.244.1.10 hl-0=fd00:244::10 hl-1=10.244.1.11 10.244.1.12", 1));
	lab_put(&lab, lab_headless("default", "hl-empty", "http:tcp:80", "", 0));
	lab_put(&lab, lab_headless("default", "hl-notready", "http:tcp:80", "", 3));
	lab_put(&lab, lab_headless("default", "hl-noports", "", "10.244.1.23", 0));
	lab_put(&lab, lab_headless("default", "hl-six", "http:tcp:80", "fd00:244::66", 0));
	lab_put(&lab, lab_headless("default", "same", "http:tcp:80", "a=10.244.2.1 a=10.244.2.2 a=10.244.2.3", 0));
	/* Two slices with different ports, one address in both and under two labels. */
	lab_put(&lab, lab_headless("default", "mixed", "http:tcp:80 admin:tcp:81 :tcp:82",
				   "a=10.244.3.1/0 a=10.244.3.1/1 b=10.244.3.1/0 c=10.244.3.3/2", 0));
	lab_put(&lab, lab_external("default", "ext", "WWW.example.test"));
	lab_put(&lab, lab_external("default", "ext-ip", "192.0.2.9"));
	lab_put(&lab, lab_external("default", "ext-int", "kubernetes.default.svc.cluster.local"));
	lab_put(&lab, lab_external("default", "ext-intnx", "nope.default.svc.cluster.local"));
	lab_put(&lab, lab_external("default", "ext-self", "ext-self.default.svc.cluster.local"));
	lab_put(&lab, lab_external("default", "ext-a", "ext-b.default.svc.cluster.local"));
	lab_put(&lab, lab_external("default", "ext-b", "ext-a.default.svc.cluster.local"));
	lab_put(&lab, lab_external("default", "ext-two", "ext-int.default.svc.cluster.local"));
	lab_put(&lab, lab_external("default", "ext-ep", "hl-0.hl.default.svc.cluster.local"));
	lab_put(&lab, lab_external("default", "ext-srv", "_https._tcp.kubernetes.default.svc.cluster.local"));
	lab_put(&lab, lab_cluster_ip("lonely", "web", "10.96.9.9", "http:tcp:80", ""));
	return 0;
}

static int empty(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

#define CHECK(rows) assert_int_equal(lab_differing(&lab, rows, sizeof rows / sizeof *rows), 0)
#define S ".default.svc.cluster.local"

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

static void branches(void **state)
{
	static const struct lab_row rows[] = {
		{"cluster.local", "A", NODATA},
		{"cluster.local", "TXT", NODATA},
		{"cluster.local", "SOA", "NOERROR aa: cluster.local. SOA / /"},
		{"cluster.local", "NS", NODATA}, /* nobody knows how to reach us */
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
	zone_pod_set(l.zone, &a, "default", "web-0");
	assert_string_equal(lab_ask(&l, name, "A"),
			    "NOERROR aa: 10-244-0-2.default.pod.cluster.local. A 10.244.0.2 / /");
	assert_string_equal(lab_ask(&l, "10-244-0-2.other.pod.cluster.local", "A"), NXDOMAIN);
	zone_pod_set(l.zone, &a, "other", "web-0");
	assert_string_equal(lab_ask(&l, name, "A"), NXDOMAIN);
	zone_pod_set(l.zone, &a, NULL, NULL);
	assert_string_equal(lab_ask(&l, "10-244-0-2.other.pod.cluster.local", "A"), NXDOMAIN);
	lab_fini(&l);
}

static void before_complete(void **state)
{
	static const char *const names[] = {"web.default.svc.cluster.local", "cluster.local", "nx.cluster.local",
					    "1.0.96.10.in-addr.arpa"};
	struct lab l = {0};

	(void)state;
	l.zone = zone_new(&(struct zone_config){"cluster.local", 5, 5, PODS_INSECURE});
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
	l.zone = zone_new(&(struct zone_config){domain, 5, 5, PODS_INSECURE});
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
		cmocka_unit_test(cluster_ip),
		cmocka_unit_test(cluster_ip_srv),
		cmocka_unit_test(headless),
		cmocka_unit_test(headless_srv),
		cmocka_unit_test(external_name),
		cmocka_unit_test(branches),
		cmocka_unit_test(pods),
		cmocka_unit_test(pods_of_other_modes),
		cmocka_unit_test(before_complete),
		cmocka_unit_test(names_too_long),
	};

	return cmocka_run_group_tests(tests, fill, empty);
}
