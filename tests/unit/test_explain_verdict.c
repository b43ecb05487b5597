/* `fairlead explain`: facts in, verdict out. What needs a kernel to be prepared is in tests/kernel/operate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/show_unused.h"
#include "tests/unit/explain_scene.h"

static void test_nothing_wrong(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	says(&s, NULL, 0);
	scene_begin(&s);
	comes_from(&s, "10.244.0.99");
	says(&s, NULL, 0);
}

/* ---- endpoints ---- */

static void rejects(struct scene *s)
{
	scene_begin(s);
	s->frontend.action = "reject";
	s->frontend.slots = s->endpoint.slots = 0;
}

static void test_conditions(void **state)
{
	struct scene s;

	(void)state;
	rejects(&s);
	s.endpoint.ready = false;
	says(&s, "not-ready", SEVERITY_FAULT);
	rejects(&s);
	s.endpoint.ready = false;
	s.service.trouble_count = 1;
	s.service.troubles =
		&(struct facts_trouble){"10.244.0.10", "web-0", "the readiness probe of container a fails"};
	says(&s, "probe", SEVERITY_FAULT);
	rejects(&s);
	s.endpoint.terminating = true;
	says(&s, "terminating", SEVERITY_FAULT);
	scene_begin(&s);
	s.service.headless = true;
	s.service.frontend_count = s.service.port_count = 0;
	says(&s, "not-ready", SEVERITY_FAULT);
}

static void test_slices(void **state)
{
	struct scene s;

	(void)state;
	rejects(&s);
	s.service.slices = s.service.slice_endpoints = 0;
	says(&s, "no-endpoints", SEVERITY_FAULT);
	rejects(&s);
	s.service.slice_endpoints = 0;
	says(&s, "selector", SEVERITY_FAULT);
	rejects(&s);
	s.service.slices = s.service.slice_endpoints = 0;
	s.service.unused_count = 1;
	s.unused = (struct facts_unused){"10.244.0.1", "web-1", "other", "…"};
	says(&s, "slice-namespace", SEVERITY_FAULT);
	rejects(&s);
	s.service.slices = s.service.slice_endpoints = 0;
	s.service.unused_count = 1;
	s.unused = (struct facts_unused){"10.244.0.1", "loose", "shop", UNUSED_NO_LABEL};
	says(&s, "slice-label", SEVERITY_FAULT);
}

static void test_ports(void **state)
{
	struct scene s;

	(void)state;
	rejects(&s);
	s.port.endpoint_count = 0;
	s.service.unused_count = 1;
	s.unused =
		(struct facts_unused){"10.244.0.1:1", "web-1", "shop", "its port name \"a\" is none of the Service's"};
	says(&s, "port-name", SEVERITY_FAULT);
	rejects(&s);
	s.port.endpoint_count = 0;
	s.service.unused_count = 1;
	s.unused = (struct facts_unused){"10.244.0.1", "web-1", "shop", "the slice has no port"};
	s.wanted.target_port = "htpp";
	says(&s, "target-port-name", SEVERITY_FAULT);
}

static void test_policies(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	s.frontend.action = "drop";
	s.frontend.slots = 0;
	says(&s, "local-policy", SEVERITY_FAULT);
	scene_begin(&s);
	s.frontend.kind = "node-port";
	s.frontend.action = "split";
	s.frontend.slots = 0;
	comes_from(&s, "192.0.2.1");
	says(&s, "local-policy", SEVERITY_FAULT);
	scene_begin(&s);
	s.frontend.kind = "node-port";
	s.frontend.action = "split";
	s.frontend.slots = 0;
	s.f.client.pod = "cli";
	says(&s, NULL, 0);
	scene_begin(&s);
	s.frontend.restricted = true;
	s.cidrs[0] = cidr("192.0.2.0/24");
	s.service.allowed = (struct cidr_list){1, s.cidrs};
	comes_from(&s, "198.51.100.1");
	says(&s, "source-range", SEVERITY_FAULT);
	scene_begin(&s);
	s.frontend.restricted = true;
	says(&s, "source-range", SEVERITY_RISK);
}

/* ---- addresses ---- */

static void test_addresses(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	s.f.asked.port = 81;
	says(&s, "wrong-port", SEVERITY_FAULT);
	scene_begin(&s);
	s.f.service_count = 0;
	says(&s, "no-service", SEVERITY_FAULT);
	scene_begin(&s);
	s.f.service_count = 0;
	s.cidrs[0] = cidr("10.96.0.0/16");
	s.f.daemon.service_cidrs = (struct cidr_list){1, s.cidrs};
	says(&s, "unallocated", SEVERITY_FAULT);
	scene_begin(&s);
	s.f.service_count = 0;
	s.addrs[0] = addr("10.96.0.1");
	s.f.kernel.host.count = 1;
	says(&s, "host-address", SEVERITY_FAULT);
	scene_begin(&s);
	s.frontend.owner = "shop/older";
	says(&s, "port-owned", SEVERITY_FAULT);
	scene_begin(&s);
	s.frontend.kind = "node-port";
	s.frontend.port = s.f.asked.port = 30080;
	s.f.asked.addr = addr("192.0.2.7");
	says(&s, "node-port-address", SEVERITY_FAULT);
	scene_begin(&s);
	s.service.headless = true;
	s.service.frontend_count = 0;
	s.service.dns_ready = 1;
	says(&s, "headless", SEVERITY_FAULT);
	scene_begin(&s);
	s.service.frontend_count = 0;
	s.service.refusal = "too many elements";
	says(&s, "quarantine", SEVERITY_FAULT);
}

/* ---- names ---- */

static void test_names(void **state)
{
	const char *prod = "prod";
	struct scene s;

	(void)state;
	scene_begin(&s);
	asks(&s, "web.", OUTCOME_NXDOMAIN, NULL);
	says(&s, "trailing-dot", SEVERITY_FAULT);
	scene_begin(&s);
	asks(&s, "web", OUTCOME_NXDOMAIN, NULL);
	s.f.service_count = 0;
	s.f.namesake_count = 1;
	s.f.namesakes = &prod;
	says(&s, "other-namespace", SEVERITY_FAULT);
	scene_begin(&s);
	asks(&s, "web.shop.svc", OUTCOME_NXDOMAIN, NULL);
	s.f.names.ndots = 2;
	s.f.names.name_count = 1;
	says(&s, "ndots", SEVERITY_FAULT);
	scene_begin(&s);
	asks(&s, "web", OUTCOME_NXDOMAIN, NULL);
	s.f.names.warning = "the line is ignored";
	says(&s, "search-list", SEVERITY_FAULT);
	scene_begin(&s);
	asks(&s, "web.shop", OUTCOME_DATA, NULL);
	s.f.names.found = "web.shop.svc.cluster.local.";
	s.f.names.error = NULL;
	s.f.daemon.negative_ttl_s = 5;
	s.service.appeared_ms_ago = 3000;
	says(&s, "negative-cache", SEVERITY_RISK);
	scene_begin(&s);
	asks(&s, "www.example.com", OUTCOME_SERVFAIL, "22 (No Reachable Authority): 192.0.2.53");
	s.f.service_count = 0;
	says(&s, "upstream-dead", SEVERITY_FAULT);
	scene_begin(&s);
	asks(&s, "web", OUTCOME_TIMEOUT, NULL);
	says(&s, "dns-silent", SEVERITY_FAULT);
	s.step.server_is_ours = false;
	s.f.arena = arena_new(4096);
	says(&s, "other-dns-server", SEVERITY_FAULT);
	scene_begin(&s);
	asks(&s, "wev", OUTCOME_NXDOMAIN, "0 (Other): did you mean web.shop.svc.cluster.local");
	s.step.ede_code = 0;
	s.f.service_count = 0;
	says(&s, "no-such-name", SEVERITY_FAULT);
}

/* ---- the kernel ---- */

static void test_kernel(void **state)
{
	const char *wrong = "missing: …";
	struct facts_drop drop = {"table ip filter", "…", true};
	struct scene s;

	(void)state;
	scene_begin(&s);
	s.f.kernel.wrong = &wrong;
	s.f.kernel.wrong_count = 1;
	says(&s, "kernel-differs", SEVERITY_FAULT);
	scene_begin(&s);
	s.f.kernel.forwarding[0] = 0;
	says(&s, "forwarding-off", SEVERITY_FAULT);
	scene_begin(&s);
	s.f.kernel.forwarding[0] = 0;
	s.f.client.on_host = true;
	says(&s, NULL, 0);
	scene_begin(&s);
	s.f.kernel.drops = &drop;
	s.f.kernel.drop_count = 1;
	says(&s, "other-table", SEVERITY_FAULT);
	drop.certain = false;
	s.f.arena = arena_new(4096);
	says(&s, "other-table", SEVERITY_RISK);
	scene_begin(&s);
	comes_from(&s, "192.0.2.1");
	s.f.kernel.rp_filter = "eth1";
	s.f.kernel.rp_filter_route = "eth0";
	says(&s, "rp-filter", SEVERITY_FAULT);
	scene_begin(&s);
	s.route = (struct facts_route){.to = addr("10.244.0.10")};
	s.f.kernel.route_count = 1;
	says(&s, "no-route", SEVERITY_FAULT);
}

static void test_connections(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	s.flow = (struct facts_flow){.from = addr("10.244.0.99"),
				     .to = addr("10.96.0.1"),
				     .answers = addr("10.244.0.10"),
				     .to_port = 80,
				     .answers_port = 8080,
				     .proto = IPPROTO_TCP,
				     .translated = true};
	s.f.kernel.flow_count = 1;
	says(&s, NULL, 0);
	s.flow.answers = addr("10.244.0.11");
	s.f.arena = arena_new(4096);
	says(&s, "stale-conntrack", SEVERITY_FAULT);
	s.f.arena = arena_new(4096);
	comes_from(&s, "10.244.0.98"); /* another client's */
	says(&s, NULL, 0);
}

static void test_networks(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s); /* both on one bridge, and nothing is masqueraded */
	comes_from(&s, "10.244.0.99");
	s.cidrs[1] = cidr("10.244.0.0/24");
	s.f.kernel.networks.count = 1;
	says(&s, "no-return", SEVERITY_FAULT);
	s.f.arena = arena_new(4096);
	s.f.daemon.masquerade_all = true;
	says(&s, NULL, 0);
	scene_begin(&s);
	s.frontend.kind = "external-ip";
	comes_from(&s, "192.0.2.1");
	s.cidrs[1] = cidr("10.96.0.0/24");
	s.f.kernel.networks.count = 1;
	says(&s, "not-routed", SEVERITY_FAULT);
	s.f.arena = arena_new(4096);
	s.frontend.announcement = "not announced on eth0: another machine has it (02:00:00:00:00:01)";
	says(&s, "not-announced", SEVERITY_FAULT);
	s.f.arena = arena_new(4096);
	s.frontend.announced = true; /* the kernel answers for it, by a route */
	says(&s, NULL, 0);
	s.f.arena = arena_new(4096);
	s.frontend.announced = false;
	s.frontend.announcement = NULL;
	s.addrs[0] = addr("10.96.0.1");
	s.f.kernel.host.count = 1;
	says(&s, NULL, 0);
}

static void test_source(void **state)
{
	struct scene s;

	(void)state;
	scene_begin(&s);
	s.f.daemon.server = "https://192.0.2.1:6443";
	s.f.daemon.reachable = false;
	s.f.daemon.heard_ms_ago = 312000;
	says(&s, "api-server-away", SEVERITY_RISK);
	scene_begin(&s);
	s.f.daemon.complete = false;
	s.f.service_count = 0;
	says(&s, "not-complete", SEVERITY_FAULT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_wrong), cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_slices),	      cmocka_unit_test(test_ports),
		cmocka_unit_test(test_policies),      cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_names),	      cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_connections),   cmocka_unit_test(test_networks),
		cmocka_unit_test(test_source),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
