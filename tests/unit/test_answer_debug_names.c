/* status.dns and SERVICE.NAMESPACE.why.dns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "dns/answer/debug_names.h"
#include "tests/unit/dns_lab.h"

#define NOTHING "/ cluster.local. SOA /"
#define WHY "why.dns.cluster.local"

static struct lab lab;

/* A ClusterIP with that many endpoints: every third one is used, and all from `all_from` on; the others are not ready
 * or terminating. */
static struct service *proxied(const char *name, uint32_t count, uint32_t all_from)
{
	static const uint8_t flags[] = {TARGET_READY | TARGET_SERVING | TARGET_IN_CLUSTER, 0, TARGET_TERMINATING};
	static struct target targets[10000];
	struct service_port port = {.name = "http",
				    .port = 80,
				    .proto = IPPROTO_TCP,
				    .family = AF_INET,
				    .target_count = count,
				    .targets = targets};
	struct service draft = {.ns = "other",
				.name = name,
				.dns_kind = DNS_CLUSTER_IP,
				.proxied = true,
				.port_count = 1,
				.ports = &port,
				.cluster_ip_count = 1};

	draft.cluster_ips[0] = lab_addr("10.96.0.1");
	for (uint32_t i = 0; i < count; i++) {
		char text[ADDR_TEXT_BYTES];
		snprintf(text, sizeof text, "10.244.%u.%u", i / 250, i % 250 + 1);
		targets[i] =
			(struct target){.addr = lab_addr(text), .port = 8080, .flags = flags[i < all_from ? i % 3 : 0]};
	}
	return service_pack(&draft);
}

static int fill(void **state)
{
	(void)state;
	lab_init(&lab);
	lab.config.debug_names = true;
	lab_put(&lab, proxied("web", 3, 3));
	lab_put(&lab, proxied("large", 90, 90));
	lab_put(&lab, lab_headless("other", "db", "sql:tcp:5432", "db-0=10.244.0.20", 1));
	lab_put(&lab, lab_external("other", "ext", "www.example.test"));
	return 0;
}

static int empty(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

static void test_why(void **state)
{
	static const struct lab_row rows[] = {
		{"web.other." WHY, "TXT",
		 "NOERROR aa: web.other." WHY ". TXT \"service=other/web\" \"kind=cluster-ip\" "
		 "\"endpoint=10.244.0.2:8080 port=http 80/TCP not used: not ready\" "
		 "\"endpoint=10.244.0.3:8080 port=http 80/TCP not used: terminating\" "
		 "\"endpoint=10.244.0.1:8080 port=http 80/TCP used\" / /"},
		{"db.other." WHY, "TXT",
		 "NOERROR aa: db.other." WHY ". TXT \"service=other/db\" \"kind=headless\" "
		 "\"endpoint=waiting-0 not used: not ready\" \"endpoint=10.244.0.20 name=db-0 used\" / /"},
		{"EXT.other." WHY, "TXT",
		 "NOERROR aa: EXT.other." WHY ". TXT \"service=other/ext\" \"kind=external-name\" "
		 "\"target=www.example.test\" / /"},
		{"web.other." WHY, "A", "NOERROR aa: " NOTHING},
		{"web.other." WHY, "ANY", "NOERROR aa: web.other." WHY ". HINFO \"RFC8482\" \"\" / /"},
	};

	(void)state;
	assert_int_equal(lab_differing(&lab, rows, sizeof rows / sizeof *rows), 0);
}

static void test_what_exists(void **state)
{
	static const struct lab_row rows[] = {
		{WHY, "TXT", "NOERROR aa: " NOTHING}, /* names below it exist */
		{"other." WHY, "TXT", "NOERROR aa: " NOTHING},
		{"nowhere." WHY, "TXT", "NXDOMAIN aa: " NOTHING},
		{"nope.other." WHY, "TXT", "NXDOMAIN aa: " NOTHING},
		{"web.nowhere." WHY, "TXT", "NXDOMAIN aa: " NOTHING},
		{"x.web.other." WHY, "TXT", "NXDOMAIN aa: " NOTHING},
		{"x.status.dns.cluster.local", "TXT", "NXDOMAIN aa: " NOTHING},
		{"status.cluster.local", "TXT", "NXDOMAIN aa: " NOTHING},
		{"why.cluster.local", "TXT", "NXDOMAIN aa: " NOTHING},
		{"web.other.why.svc.cluster.local", "TXT", "NXDOMAIN aa: " NOTHING},
	};
	static const struct lab_row off[] = {
		{"status.dns.cluster.local", "TXT", "NXDOMAIN aa: " NOTHING},
		{WHY, "TXT", "NXDOMAIN aa: " NOTHING},
		{"web.other." WHY, "TXT", "NXDOMAIN aa: " NOTHING},
	};

	(void)state;
	assert_int_equal(lab_differing(&lab, rows, sizeof rows / sizeof *rows), 0);
	lab.config.debug_names = false;
	assert_int_equal(lab_differing(&lab, off, sizeof off / sizeof *off), 0);
	lab.config.debug_names = true;
}

/* What does not fit is counted, and the reply keeps within what the client takes. */
static void test_large(void **state)
{
	uint8_t query[512];

	(void)state;
	struct service *late = proxied("late", 10000, 0);
	((struct target *)(uintptr_t)late->ports[0].targets)[DEBUG_LOOKED_AT_MAX - 1].flags = 0;
	lab_put(&lab, late);
	const char *text = lab_ask(&lab, "late.other." WHY, "TXT"); /* the last one that is looked at, then used ones */
	assert_non_null(strstr(text, "\"endpoint=10.244.16.96:8080 port=http 80/TCP not used: not ready\" "
				     "\"endpoint=10.244.0.1:8080 port=http 80/TCP used\""));
	assert_non_null(strstr(text, "\"more=9976\""));
	late = proxied("late", 10000, 0);
	((struct target *)(uintptr_t)late->ports[0].targets)[DEBUG_LOOKED_AT_MAX].flags = 0;
	lab_put(&lab, late);
	assert_null(strstr(lab_ask(&lab, "late.other." WHY, "TXT"), "not used"));
	text = lab_ask(&lab, "large.other." WHY, "TXT");
	assert_non_null(strstr(text, "\"more=66\""));
	assert_null(strstr(text, "8080 port=http 80/TCP used"));
	lab_send(&lab, query, lab_query(query, "large.other." WHY, 16, 1, 1232), RESPOND_UDP);
	assert_true(lab.reply_bytes <= 1232);
	assert_true((lab_flags(&lab) & FLAG_TC) != 0);
}

static void test_status(void **state)
{
	(void)state;
	zone_note_set(lab.zone, ZONE_NODE, "node-a");
	zone_note_set(lab.zone, ZONE_VERSION, "1.0");
	zone_note_set(lab.zone, ZONE_SOURCE, "manifests /etc/fairlead");
	zone_note_set(lab.zone, ZONE_UPSTREAMS, "192.0.2.53:53");
	const char *text = lab_ask(&lab, "status.dns.cluster.local", "TXT");
	assert_non_null(strstr(text, "TXT \"node=node-a\" \"version=1.0\" \"source=manifests /etc/fairlead\" "
				     "\"upstreams=192.0.2.53:53\" \"sync=not in sync\" \"serial="));
	zone_sync_set(lab.zone, true, 1);
	zone_away_set(lab.zone, 1);
	zone_note_set(lab.zone, ZONE_UPSTREAMS, NULL);
	text = lab_ask(&lab, "status.dns.cluster.local", "TXT");
	assert_non_null(strstr(text, "\"source-silent-seconds="));
	assert_non_null(strstr(text, "\"sync=in sync\" \"changed-seconds-ago="));
	assert_null(strstr(text, "upstreams"));
	zone_away_set(lab.zone, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_why), cmocka_unit_test(test_what_exists),
					   cmocka_unit_test(test_large), cmocka_unit_test(test_status)};

	return cmocka_run_group_tests(tests, fill, empty);
}
