/* Hosts files: what is read, what is left out and said, and what is answered. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "dns/zone/hosts.h"
#include "dns/zone/lan.h"
#include "dns/zone/table.h"
#include "tests/unit/dns_lab.h"

static struct hosts_report report;

static struct static_names *parse(const char *text)
{
	struct name domain;

	assert_true(name_parse(&domain, "cluster.local"));
	return hosts_parse(text, strlen(text), &domain, &report);
}

static void assert_problem(enum hosts_problem_kind kind, const char *expected)
{
	char line[512];

	assert_true(hosts_problem_format(&report, kind, line, sizeof line));
	assert_string_equal(line, expected);
}

static void usual_file_is_read(void **state)
{
	char text[NAME_TEXT_BYTES];
	struct static_found found;
	struct name name;

	(void)state;
	struct static_names *names = parse("# comment\n192.168.1.5\tNas.lan nas # more\n\n"
					   "192.168.1.5 backup.lan. nas.lan\r\nfd00::5 nas.lan\n0.0.0.0 ads.example");
	assert_non_null(names);
	assert_int_equal(static_names_count(names), 5);
	assert_true(name_parse(&name, "nas.lan"));
	assert_true(static_names_find(names, &name, &found));
	assert_int_equal(found.count, 2);
	assert_int_equal(found.items[0].addr.family, AF_INET);
	assert_true(static_names_of(names, &found.items[1].addr, &name));
	assert_string_equal(name_format(name.wire, text), "nas.lan.");
	assert_true(static_names_of(names, &found.items[0].addr, &name));
	assert_string_equal(name_format(name.wire, text), "nas.lan.");
	const struct addr none = lab_addr("0.0.0.0");
	assert_false(static_names_of(names, &none, &name));
	static_names_free(names);
}

static void bad_lines_are_named(void **state)
{
	(void)state;
	struct static_names *names = parse("1.2.3 x\n10.0.0.1\n10.0.0.1 a..b -x\n127.0.0.1 localhost\n"
					   "10.0.0.2 web.default.svc.cluster.local ok\n\x1b[2J x\nfe80::1%lo0 y\n");
	assert_non_null(names);
	assert_int_equal(static_names_count(names), 2);
	assert_problem(HOSTS_NOT_ADDRESS, "line 1, 6, 7: \"1.2.3\" is not an address; such lines are left out");
	assert_problem(HOSTS_NO_NAME, "line 2: \"10.0.0.1\" has no name");
	assert_problem(HOSTS_NOT_NAME, "line 3: \"a..b\" is not a host name; such names are left out");
	assert_problem(HOSTS_LOOPBACK, "line 4: \"localhost\" is at a loopback address, which other machines cannot "
				       "use; such names are left out");
	assert_problem(HOSTS_CLUSTER, "line 5: \"web.default.svc.cluster.local\" is in the cluster domain, whose names "
				      "are those of Services; such names are left out");
	static_names_free(names);
	names = parse("\x1b[2J x\n1.1.1.1 a\n");
	assert_problem(HOSTS_NOT_ADDRESS, "line 1: \"\\x1b[2J\" is not an address; such lines are left out");
	static_names_free(names);
}

static void many_bad_lines_are_one(void **state)
{
	struct buf text = {0};

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_puts(&text, "x y\n");
	buf_puts(&text, "1.1.1.1 a\n");
	struct static_names *names = parse(text.data);
	assert_problem(HOSTS_NOT_ADDRESS,
		       "line 1, 2, 3, 4, 5, 6, 7, 8, …: \"x\" is not an address; such lines are left out");
	static_names_free(names);
	buf_fini(&text);
}

static void another_kind_of_file_is_refused(void **state)
{
	(void)state;
	assert_null(parse("<html>\n"));
	assert_string_equal(report.refused, "no line of a hosts file");
	struct static_names *names = parse("# nothing\n");
	assert_non_null(names);
	static_names_free(names);
}

static void too_many_names_are_refused(void **state)
{
	struct buf text = {0};

	(void)state;
	for (int i = 0; i <= HOSTS_NAMES_MAX; i++)
		buf_printf(&text, "0.0.0.0 a%d.example\n", i);
	assert_null(parse(text.data));
	assert_string_equal(report.refused, "more than 262144 names");
	*strrchr(text.data, '0') = '#'; /* the last line has no address */
	struct static_names *names = parse(text.data);
	assert_non_null(names);
	assert_int_equal(static_names_count(names), HOSTS_NAMES_MAX);
	static_names_free(names);
	buf_fini(&text);
}

static void answers(void **state)
{
	static const struct lab_row rows[] = {
		{"nas.lan", "A", "NOERROR aa: nas.lan. A 192.168.1.5, nas.lan. A 192.168.1.6 / /"},
		{"NAS.lan", "A", "NOERROR aa: NAS.lan. A 192.168.1.5, NAS.lan. A 192.168.1.6 / /"},
		{"nas.lan", "AAAA", "NOERROR aa: nas.lan. AAAA fd00::5 / /"},
		{"nas.lan", "MX", "NOERROR aa: / nas.lan. SOA /"},
		{"nas.lan", "ANY", "NOERROR aa: nas.lan. HINFO \"RFC8482\" \"\" / /"},
		{"printer", "AAAA", "NOERROR aa: / printer. SOA /"},
		{"printer", "A", "NOERROR aa: printer. A 10.96.0.1 / /"},
		{"lan", "A", "REFUSED: / /"},
		{"x.nas.lan", "A", "REFUSED: / /"},
		{"5.1.168.192.in-addr.arpa", "PTR", "NOERROR aa: 5.1.168.192.in-addr.arpa. PTR nas.lan. / /"},
		{"5.1.168.192.in-addr.arpa", "A", "NOERROR aa: / 5.1.168.192.in-addr.arpa. SOA /"},
		{"7.1.168.192.in-addr.arpa", "PTR", "REFUSED: / /"},
		{"x.5.1.168.192.in-addr.arpa", "PTR", "REFUSED: / /"},
		{"1.0.96.10.in-addr.arpa", "PTR", "NOERROR aa: 1.0.96.10.in-addr.arpa. PTR printer. / /"},
		{"ext.default.svc.cluster.local", "AAAA",
		 "NOERROR aa: ext.default.~ CNAME nas.lan., nas.lan. AAAA fd00::5 / /"},
		{"ext.default.svc.cluster.local", "MX", "NOERROR aa: ext.default.~ CNAME nas.lan. / nas.lan. SOA /"},
		{"kubernetes.default.svc.cluster.local", "A", "NOERROR aa: kubernetes.default.~ A 10.96.0.1 / /"},
	};
	struct lab lab;

	(void)state;
	lab_init(&lab);
	lab_put(&lab, lab_cluster_ip("default", "kubernetes", "10.96.0.1", "https:tcp:443", "172.18.0.2"));
	lab_put(&lab, lab_external("default", "ext", "nas.lan"));
	zone_hosts_set(lab.zone, parse("192.168.1.5 nas.lan\n192.168.1.6 nas.lan\nfd00::5 nas.lan\n10.96.0.1 printer"));
	assert_int_equal(lab_differing(&lab, rows, sizeof rows / sizeof *rows), 0);
	zone_hosts_set(lab.zone, parse("192.168.1.9 other.lan"));
	assert_string_equal(lab_ask(&lab, "nas.lan", "A"), "REFUSED: / /");
	assert_string_equal(lab_ask(&lab, "other.lan", "A"), "NOERROR aa: other.lan. A 192.168.1.9 / /");
	lab_fini(&lab);
}

static void many_addresses_are_cut(void **state)
{
	struct buf text = {0};
	uint8_t query[WIRE_UDP_BYTES];
	struct lab lab;

	(void)state;
	for (int i = 0; i < 200; i++)
		buf_printf(&text, "10.0.0.%d many.lan\n", i);
	lab_init(&lab);
	zone_hosts_set(lab.zone, parse(text.data));
	lab_send(&lab, query, lab_query(query, "many.lan", TYPE_A, CLASS_IN, 0), RESPOND_UDP);
	assert_true((lab_flags(&lab) & FLAG_TC) != 0);
	lab_fini(&lab);
	buf_fini(&text);
}

static struct service *balanced(const char *ns, const char *name, const char *vip, const char *names)
{
	struct frontend frontends[2] = {
		{.key = {lab_addr(vip), IPPROTO_TCP, 80}, .kind = FRONTEND_LOAD_BALANCER, .action = ACTION_REJECT},
		{.key = {lab_addr("10.96.0.99"), IPPROTO_TCP, 80},
		 .kind = FRONTEND_CLUSTER_IP,
		 .action = ACTION_REJECT}};
	struct service draft = {.ns = ns,
				.name = name,
				.frontend_count = 2,
				.frontends = frontends,
				.cluster_ip_count = 1,
				.cluster_ips = {lab_addr("10.96.0.99")},
				.dns_kind = DNS_CLUSTER_IP,
				.lan_names = names};

	return service_pack(&draft);
}

static struct buf said;

static void say(void *ctx, const char *line)
{
	(void)ctx;
	buf_printf(&said, "%s\n", line);
}

static void lan_lab(struct lab *lab)
{
	const struct zone_config zone = {.domain = "cluster.local", .lan = "lan", .ttl_s = 5, .negative_ttl_s = 5};

	lab_init(lab);
	zone_free(lab->zone);
	lab->zone = zone_new(&zone);
	lab->config.zone = lab->zone;
	zone_complete(lab->zone);
}

static void zone_answers(void **state)
{
	static const struct lab_row before[] = {
		{"web.lan", "A", "SERVFAIL: / /"},
		{"nas.lan", "A", "NOERROR aa: nas.lan. A 192.168.1.5 / /"},
	};
	static const struct lab_row rows[] = {
		{"web.lan", "A", "NOERROR aa: web.lan. A 192.168.1.100 / /"},
		{"web.lan", "AAAA", "NOERROR aa: / lan. SOA /"},
		{"www.web.lan", "A", "NXDOMAIN aa: / lan. SOA /"},
		{"files.deep.lan", "A", "NOERROR aa: files.deep.lan. A 192.168.1.100 / /"},
		{"deep.lan", "A", "NOERROR aa: / lan. SOA /"},
		{"db.lan", "A", "NOERROR aa: db.lan. A 192.168.1.30 / /"},
		{"plain.lan", "A", "NOERROR aa: plain.lan. A 10.96.0.7 / /"},
		{"nas.lan", "A", "NOERROR aa: nas.lan. A 192.168.1.5 / /"},
		{"nas.lan", "AAAA", "NOERROR aa: / lan. SOA /"},
		{"x.hosts.lan", "A", "NOERROR aa: x.hosts.lan. A 192.168.1.6 / /"},
		{"hosts.lan", "A", "NOERROR aa: / lan. SOA /"},
		{"nope.lan", "A", "NXDOMAIN aa: / lan. SOA /"},
		{"lan", "SOA", "NOERROR aa: lan. SOA / /"},
		{"lan", "A", "NOERROR aa: / lan. SOA /"},
		{"xlan", "A", "REFUSED: / /"},
		{"100.1.168.192.in-addr.arpa", "PTR",
		 "NOERROR aa: 100.1.168.192.in-addr.arpa. PTR files.deep.lan. / /"},
		{"30.1.168.192.in-addr.arpa", "PTR", "REFUSED: / /"},
		{"1.168.192.in-addr.arpa", "SOA", "REFUSED: / /"},
		{"7.0.96.10.in-addr.arpa", "PTR", "NOERROR aa: 7.0.96.10.in-addr.arpa. PTR plain.default.~ / /"},
	};
	struct lab lab;

	(void)state;
	lan_lab(&lab);
	zone_hosts_set(lab.zone, parse("192.168.1.5 nas.lan\n192.168.1.6 x.hosts.lan"));
	assert_int_equal(lab_differing(&lab, before, sizeof before / sizeof *before), 0);
	struct service *services[] = {balanced("default", "web", "192.168.1.100", "files.deep.lan"),
				      lab_headless("default", "db", "sql:tcp:5432", "db-0=192.168.1.30", 0),
				      lab_cluster_ip("default", "plain", "10.96.0.7", "http:tcp:80", ""),
				      lab_external("default", "out", "www.example")};
	const struct service *list[4];
	for (size_t i = 0; i < 4; i++) {
		list[i] = services[i];
		lab_put(&lab, services[i]);
	}
	const struct lan_input in = {.zone = zone_lan(lab.zone), .services = list, .count = 4, .say = say};
	zone_lan_set(lab.zone, lan_names(&in));
	assert_null(said.data);
	assert_int_equal(lab_differing(&lab, rows, sizeof rows / sizeof *rows), 0);
	lab_fini(&lab);
}

static void names_that_several_want(void **state)
{
	struct static_found found;
	struct name zone, name;
	const struct service *list[] = {
		balanced("b", "web", "192.168.1.2", NULL), balanced("a", "web", "192.168.1.1", NULL),
		balanced("a", "ftp", "192.168.1.3", "tv.lan,tv.home"), balanced("a", "tv", "192.168.1.4", NULL),
		balanced("a", "nas", "192.168.1.5", NULL)};
	struct static_names *hosts = parse("192.168.1.9 nas.lan");
	const struct lan_input in = {.zone = &zone, .services = list, .count = 5, .hosts = hosts, .say = say};

	(void)state;
	assert_true(name_parse(&zone, "lan") && name_parse(&name, "web.lan"));
	struct static_names *names = lan_names(&in);
	assert_string_equal(said.data,
			    "service a/ftp: not named tv.home: fairlead/hostname is for names below --dns-zone lan\n"
			    "service a/nas: not named nas.lan: --dns-hosts has that name\n"
			    "service a/tv: not named tv.lan: service a/ftp is\n"
			    "service b/web: not named web.lan: service a/web is\n");
	assert_true(static_names_find(names, &name, &found));
	assert_int_equal(found.count, 1);
	assert_int_equal(found.items[0].addr.bytes[3], 1);
	assert_true(lan_digest(list[0]) != lan_digest(list[1]));
	assert_true(lan_digest(NULL) == 0);
	for (size_t i = 0; i < 5; i++)
		service_free((struct service *)list[i]);
	static_names_free(names);
	static_names_free(hosts);
	buf_fini(&said);
	said = (struct buf){0};
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual_file_is_read),	      cmocka_unit_test(bad_lines_are_named),
		cmocka_unit_test(many_bad_lines_are_one),     cmocka_unit_test(another_kind_of_file_is_refused),
		cmocka_unit_test(too_many_names_are_refused), cmocka_unit_test(answers),
		cmocka_unit_test(many_addresses_are_cut),     cmocka_unit_test(zone_answers),
		cmocka_unit_test(names_that_several_want),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
