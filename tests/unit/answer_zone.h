/* A zone with services of every sort, for the tests of answers: include after <cmocka.h>. */
#ifndef TESTS_ANSWER_ZONE_H
#define TESTS_ANSWER_ZONE_H

#include "dns/zone/table.h"
#include "tests/unit/dns_lab.h"

static struct lab lab;

#define SOA " / cluster.local. SOA /"
#define NODATA "NOERROR aa:" SOA
#define NXDOMAIN "NXDOMAIN aa:" SOA
#define S ".default.svc.cluster.local"

static inline int fill(void **state)
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

static inline int empty(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

#define CHECK(rows) assert_int_equal(lab_differing(&lab, rows, sizeof rows / sizeof *rows), 0)
#endif
