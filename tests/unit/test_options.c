/* The command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/options.h"

struct parsed {
	struct config config;
	bool ok;
	int rest;
	char error[ERROR_BYTES];
	char *argv[40];
};

/* Words of `line`, parted by blanks, as arguments of `command`. */
static struct parsed *parse(const struct option *table, const char *line)
{
	struct parsed *p = mem_alloc(sizeof *p);
	char *word, *rest;
	int argc = 0;

	config_init(&p->config);
	rest = arena_strdup(p->config.arena, line);
	while ((word = strsep(&rest, " ")) != NULL)
		if (word[0] != '\0')
			p->argv[argc++] = word;
	p->ok = options_parse(&p->config, table, argc, p->argv, &p->rest, p->error);
	return p;
}

static void drop(struct parsed *p)
{
	config_fini(&p->config);
	free(p);
}

static void defaults(void **state)
{
	struct parsed *p = parse(options_run, "");

	(void)state;
	assert_true(p->ok);
	assert_string_equal(p->config.cluster_domain, "cluster.local");
	assert_string_equal(p->config.table, "fairlead");
	assert_null(p->config.nodeport_addresses);
	assert_int_equal(p->config.masquerade_bit, 14);
	assert_int_equal(p->config.dns_workers, 1);
	assert_int_equal(p->config.dns_cache_bytes, 16 << 20);
	assert_int_equal(p->config.dns_cache_max_ttl_ms, 3600000);
	assert_int_equal(p->config.dns_cache_max_negative_ttl_ms, 1800000);
	assert_int_equal(p->config.verbosity, 2);
	assert_null(p->config.manifests);
	drop(p);
}

/* 0.0.0.0, [::] and a port alone are every address of both families, as in Go. */
static void binds(void **state)
{
	static const struct {
		const char *line;
		const char *addr; /* NULL: refused */
		uint16_t port;
	} rows[] = {{"--healthz-bind-address 0.0.0.0:81", "::", 81},
		    {"--healthz-bind-address [::]:80", "::", 80},
		    {"--healthz-bind-address :80", "::", 80},
		    {"--healthz-bind-address 127.0.0.1", "127.0.0.1", 10256},
		    {"--healthz-bind-address [fd00::1]:9", "fd00::1", 9},
		    {"--healthz-bind-address=", "", 0},
		    {"--healthz-bind-address 1.2.3.4:0", NULL, 0},
		    {"--healthz-bind-address 1.2.3.4:70000", NULL, 0},
		    {"--healthz-bind-address [::1", NULL, 0},
		    {"--healthz-bind-address :", NULL, 0},
		    {"--healthz-bind-address :x", NULL, 0},
		    {"--healthz-bind-address localhost:1", NULL, 0},
		    {"--healthz-bind-address 1.2.3.4:1x", NULL, 0}};
	char text[ADDR_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct parsed *p = parse(options_run, rows[i].line);
		assert_int_equal(p->ok, rows[i].addr != NULL);
		if (p->ok) {
			assert_string_equal(addr_format(&p->config.healthz.addr, text), rows[i].addr);
			assert_int_equal(p->config.healthz.port, rows[i].port);
		}
		drop(p);
	}
}

static void bytes(void **state)
{
	static const struct {
		const char *line;
		int64_t bytes;
	} rows[] = {{"--dns-cache-size 0", 0},
		    {"--dns-cache-size 4096", 4096},
		    {"--dns-cache-size 512K", 512 << 10},
		    {"--dns-cache-size 3M", 3 << 20},
		    {"--dns-cache-size 16G", (int64_t)16 << 30}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct parsed *p = parse(options_run, rows[i].line);
		assert_true(p->ok);
		assert_int_equal(p->config.dns_cache_bytes, rows[i].bytes);
		drop(p);
	}
}

static void values(void **state)
{
	struct parsed *p = parse(options_run, "--manifests m --masquerade-all --no-dns=false --masquerade-bit=0 "
					      "--min-sync-period 1m30.5s -v 4 --detect-local-mode NodeCIDR "
					      "--cluster-cidr 10.244.0.0/16,fd00::/48 --dns-listen 127.0.0.1:5353 "
					      "--dns-listen [::1]:54,::2");

	(void)state;
	assert_true(p->ok);
	assert_string_equal(p->config.manifests, "m");
	assert_true(p->config.masquerade_all);
	assert_false(p->config.no_dns);
	assert_int_equal(p->config.masquerade_bit, 0);
	assert_int_equal(p->config.min_sync_period_ms, 90500);
	assert_int_equal(p->config.verbosity, 4);
	assert_int_equal(p->config.detect_mode, MODE_NODE_CIDR);
	assert_int_equal(p->config.cluster_cidrs.count, 2);
	assert_int_equal(p->config.cluster_cidrs.items[1].prefix, 48);
	assert_int_equal(p->config.dns_listen.count, 3);
	assert_int_equal(p->config.dns_listen.items[1].port, 54);
	assert_int_equal(p->config.dns_listen.items[2].port, 53);
	drop(p);
}

static void last_one_wins(void **state)
{
	struct parsed *p = parse(options_run, "--nodeport-addresses all --nodeport-addresses 10.0.0.0/8,localhost");

	(void)state;
	assert_string_equal(p->config.nodeport_addresses, "10.0.0.0/8,localhost");
	drop(p);
}

static void arguments(void **state)
{
	struct parsed *p = parse(options_common, "a --control s b -- --c");

	(void)state;
	assert_true(p->ok);
	assert_int_equal(p->rest, 3);
	assert_string_equal(p->argv[1], "b");
	assert_string_equal(p->argv[2], "--c");
	drop(p);
}

/* What a DaemonSet fills in: variables that may be empty, and status.hostIPs. */
static void lists_of_variables(void **state)
{
	struct parsed *p = parse(options_run, "--manifests /tmp --cluster-cidr= --service-cidr= --node-ip= "
					      "--nodeport-addresses= --external-ips= --dns-listen= --dns-transfer= "
					      "--dns-allow=");
	char error[ERROR_BYTES];

	(void)state;
	assert_true(p->ok);
	assert_true(config_finish(&p->config, error));
	assert_int_equal(p->config.cluster_cidrs.count + p->config.service_cidrs.count + p->config.node_ips.count, 0);
	assert_int_equal(p->config.dns_transfer.count + p->config.dns_allow.count, 0);
	assert_int_equal(p->config.dns_listen.count, 1);
	assert_true(p->config.nodeports.primary && p->config.nodeports.inner);
	assert_false(p->config.external.none);
	drop(p);
	p = parse(options_run, "--node-ip=10.0.0.1,fd00::1 --nodeport-addresses=10.0.0.1,fd00::1 "
			       "--external-ips=10.0.0.1,fd00::1 --dns-listen=10.0.0.1,fd00::1 "
			       "--dns-transfer=10.0.0.1,fd00::1 --dns-allow=10.0.0.1,fd00::/8 "
			       "--cluster-cidr=10.244.0.0/16,fd00:1::/56 --service-cidr=10.96.0.0/12,fd00:2::/112");
	assert_true(p->ok);
	assert_true(config_finish(&p->config, error));
	assert_int_equal(p->config.node_ips.count, 2);
	assert_int_equal(p->config.nodeports.cidr_count, 2);
	assert_int_equal(p->config.nodeports.cidrs[0].prefix, 32);
	assert_false(p->config.nodeports.inner);
	assert_int_equal(p->config.external.cidrs[1].prefix, 128);
	assert_int_equal(p->config.dns_listen.count, 2);
	assert_int_equal(p->config.dns_transfer.items[1].prefix, 128);
	assert_int_equal(p->config.dns_allow.items[0].prefix, 32);
	assert_int_equal(p->config.dns_allow.items[1].prefix, 8);
	assert_int_equal(p->config.cluster_cidrs.items[1].prefix, 56);
	assert_int_equal(p->config.service_cidrs.items[1].prefix, 112);
	drop(p);
}

#define LABELS "labels of letters, digits and \"-\", which is neither first nor last"

static const struct {
	const struct option *table;
	const char *line, *error;
} refused_lines[] = {
	{options_run, "--cluster-domain -bad-", "--cluster-domain -bad-: must be a domain name: " LABELS},
	{options_run, "--cluster-domain a..b", "--cluster-domain a..b: must be a domain name: " LABELS},
	{options_run, "--cluster-domain my_cluster", "--cluster-domain my_cluster: must be a domain name: " LABELS},
	{options_run, "--cluster-domain .", "--cluster-domain .: must be a domain name: " LABELS},
	{options_run, "--dns-zone -bad-", "--dns-zone -bad-: must be a domain name: " LABELS},
	{options_run, "--dns-zone 192.168.0.0", "--dns-zone 192.168.0.0: must be a domain name: " LABELS},
	{options_run, "--dns-log-suffix bad-.lan",
	 "--dns-log-suffix bad-.lan: must be a domain name: " LABELS " (\"_\" is like a letter)"},
	{options_run, "--node-name a/b", "--node-name a/b: must be the name of a Node: " LABELS},
	{options_run, "--node-name -a", "--node-name -a: must be the name of a Node: " LABELS},
	{options_run, "--stub-domain -bad-=10.0.0.1", "--stub-domain -bad-=10.0.0.1: \"-bad-\" is not a domain name"},
	{options_run, "--forward tls://10.0.0.1#a_b",
	 "--forward tls://10.0.0.1#a_b: \"tls://10.0.0.1#a_b\": not a server's name behind \"#\""},
	{options_run, "--pod-bridge-interface a/b", "--pod-bridge-interface a/b: is not the name of an interface"},
	{options_run, "--pod-interface-name-prefix cali*",
	 "--pod-interface-name-prefix cali*: must be the first letters of names, without \"*\" or \"+\""},
	{options_run, "--frobnicate=1", "--frobnicate: unknown flag"},
	{options_run, "--wait 1s", "--wait: unknown flag"},
	{options_common, "--manifests m", "--manifests: unknown flag"},
	{options_run, "-manifests m", "-manifests: unknown flag; did you mean --manifests?"},
	{options_run, "--v 3", "--v: unknown flag; did you mean -v?"},
	{options_run, "--manifests", "--manifests: needs DIR"},
	{options_run, "--manifests=", "--manifests : must not be empty"},
	{options_run, "--healthz-bind-address=x", "--healthz-bind-address x: neither ADDR:PORT, ADDR, :PORT nor empty"},
	{options_run, "--page 99999", "--page 99999: neither ADDR:PORT, ADDR, PORT, :PORT nor empty"},
	{options_run, "--masquerade-bit 32", "--masquerade-bit 32: out of range (0 to 31)"},
	{options_run, "--masquerade-bit x", "--masquerade-bit x: must be a number (0 to 31)"},
	{options_run, "--no-dns=maybe", "--no-dns maybe: must be true or false"},
	{options_run, "--cluster-cidr 10.0.0.0/8,", "--cluster-cidr 10.0.0.0/8,: must not have empty items"},
	{options_run, "--cluster-cidr 10.0.0.1", "--cluster-cidr 10.0.0.1: must be prefixes such as 10.96.0.0/12"},
	{options_run, "--node-ip 10.0.0", "--node-ip 10.0.0: must be IP addresses"},
	{options_run, "--dns-listen 10.0.0.1:0", "--dns-listen 10.0.0.1:0: must be ADDR or ADDR:PORT"},
	{options_run, "--table nat;x",
	 "--table nat;x: must be letters, digits, \"_\", \"-\" and \".\", a letter or \"_\" first"},
	{options_run, "--table fairlead-next",
	 "--table fairlead-next: must not end in -next: tables are built under such names when they are "
	 "replaced"},
	{options_run, "--table 1st",
	 "--table 1st: must be letters, digits, \"_\", \"-\" and \".\", a letter or \"_\" first"},
	{options_run, "--table a23456789b123456789c123456789d123456789e123456789",
	 "--table a23456789b123456789c123456789d123456789e123456789: too long"},
	{options_run, "--service-proxy-name mine.",
	 "--service-proxy-name mine.: must be the value of a label: letters, digits, \"_\", \"-\" and \".\", "
	 "a letter or digit first and last"},
	{options_run, "--dns-pods some", "--dns-pods some: unknown value (disabled, insecure, verified)"},
	{options_run, "--min-sync-period 5", "--min-sync-period 5: must be a duration such as 500ms, 2s or 1m30s"},
	{options_run, "--min-sync-period 999999h",
	 "--min-sync-period 999999h: must be a duration such as 500ms, 2s or 1m30s"},
	{options_run, "--dns-cache-size 16MB",
	 "--dns-cache-size 16MB: must be a number of bytes such as 4096, 512K or 16M"},
	{options_run, "--dns-cache-size -1",
	 "--dns-cache-size -1: must be a number of bytes such as 4096, 512K or 16M"},
	{options_run, "--dns-cache-size M", "--dns-cache-size M: must be a number of bytes such as 4096, 512K or 16M"},
	{options_run, "--dns-cache-size 17G", "--dns-cache-size 17G: out of range"},
	{options_run, "--dns-cache-size 99999999999999999999", "--dns-cache-size 99999999999999999999: out of range"},
	{options_run, "--min-sync-period 0x1s",
	 "--min-sync-period 0x1s: must be a duration such as 500ms, 2s or 1m30s"},
};

static void refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refused_lines / sizeof *refused_lines; i++) {
		struct parsed *p = parse(refused_lines[i].table, refused_lines[i].line);
		assert_false(p->ok);
		assert_string_equal(p->error, refused_lines[i].error);
		drop(p);
	}
}

/* Names as hosts and domains have them; only hosts have no "_". */
static void names(void **state)
{
	struct parsed *p = parse(options_run, "--manifests /tmp --cluster-domain K8s.lan-1. --dns-zone Home.ARPA. "
					      "--dns-log-suffix _Tcp.lan --node-name Node-1.lan "
					      "--pod-bridge-interface cni0 --pod-interface-name-prefix veth "
					      "--stub-domain _msdcs.corp.example=10.0.0.1 "
					      "--stub-domain 10.in-addr.arpa.=10.0.0.1");
	char error[ERROR_BYTES];

	(void)state;
	assert_true(p->ok);
	assert_true(config_finish(&p->config, error));
	assert_string_equal(p->config.cluster_domain, "k8s.lan-1");
	assert_string_equal(p->config.dns_zone, "home.arpa");
	assert_string_equal(p->config.dns_log_suffix, "_tcp.lan");
	assert_string_equal(p->config.node_name, "node-1.lan");
	assert_int_equal(p->config.forward.stub_count, 2);
	drop(p);
}

/* config_finish: what depends on other flags and on the machine. */
static void finish(void **state)
{
	struct parsed *p = parse(options_run, "--manifests /tmp --cluster-domain Example.ORG. --node-name Node-A");
	char error[ERROR_BYTES];

	(void)state;
	assert_true(config_finish(&p->config, error));
	assert_string_equal(p->config.cluster_domain, "example.org");
	assert_string_equal(p->config.node_name, "node-a");
	assert_int_equal(p->config.dns_listen.count, 1);
	assert_int_equal(p->config.dns_listen.items[0].port, 53);
	drop(p);
}

/* Of an API server's cluster: the steered address alone, unless that is turned off. */
static void where_dns_listens(void **state)
{
	static const struct {
		const char *line;
		size_t count;
	} cases[] = {{"--apiserver https://a", 0},
		     {"--apiserver https://a --cluster-dns none", 1},
		     {"--apiserver https://a --cluster-dns none --dns-local-address 169.254.20.10", 0},
		     {"--apiserver https://a --dns-listen 10.0.0.1", 1},
		     {"--manifests /", 1}};
	char error[ERROR_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct parsed *p = parse(options_run, cases[i].line);
		assert_true(p->ok);
		assert_true(config_finish(&p->config, error));
		assert_int_equal(p->config.dns_listen.count, cases[i].count);
		drop(p);
	}
}

static void finish_refusals(void **state)
{
	static const char *const rows[][2] = {
		{"--manifests /tmp --apiserver https://h",
		 "--manifests: one source at a time: not with --kubeconfig or --apiserver"},
		{"--manifests /tmp --ca-file /f",
		 "--manifests: not with --token-file, --ca-file or --insecure-skip-tls-verify"},
		{"--manifests /nonexistent/m", "--manifests /nonexistent/m: No such file or directory"},
		{"--manifests /tmp --no-dns --no-proxy", "--no-proxy: with --no-dns nothing is left to do"},
		{"--manifests /tmp --node-ip 10.0.0.1,::",
		 "--node-ip ::: loopback, link-local, multicast or unspecified: no address of a node"},
		{"--manifests /tmp --node-ip 127.0.0.1",
		 "--node-ip 127.0.0.1: loopback, link-local, multicast or unspecified: no address of a node"},
		{"--manifests /tmp --node-ip 10.0.0.1,10.0.0.2", "--node-ip: more than one address of a family"},
		{"--manifests /tmp --dns-listen ::1,10.0.0.1 --dns-listen 10.0.0.1:53",
		 "--dns-listen 10.0.0.1:53: given twice"},
		{"--manifests /tmp --nodeport-addresses primary,x",
		 "--nodeport-addresses primary,x: \"x\" is neither primary, all, localhost nor an address or CIDR such "
		 "as "
		 "10.0.0.0/8"},
		{"--manifests /tmp --detect-local-mode BridgeInterface",
		 "--detect-local-mode BridgeInterface: needs --pod-bridge-interface"},
	};
	char error[ERROR_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct parsed *p = parse(options_run, rows[i][0]);
		assert_true(p->ok);
		assert_false(config_finish(&p->config, error));
		assert_string_equal(error, rows[i][1]);
		drop(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),	   cmocka_unit_test(binds),
		cmocka_unit_test(values),	   cmocka_unit_test(bytes),
		cmocka_unit_test(last_one_wins),   cmocka_unit_test(arguments),
		cmocka_unit_test(refusals),	   cmocka_unit_test(lists_of_variables),
		cmocka_unit_test(finish),	   cmocka_unit_test(where_dns_listens),
		cmocka_unit_test(finish_refusals), cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
