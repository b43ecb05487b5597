/* whoami.dns: as whom the server sees the asker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/dns_lab.h"

#define WHOAMI "whoami.dns.cluster.local"

static struct lab lab;

static int fill(void **state)
{
	struct addr pod = lab_addr("10.244.0.5");

	(void)state;
	lab_init(&lab);
	lab.config.debug_names = true;
	zone_pod_set(lab.zone, &pod, &(struct zone_pod){.ns = "other", .name = "web-0"});
	return 0;
}

static int empty(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

static void asked_by(const char *address)
{
	lab.from = lab_addr(address);
}

static void a_pod(void **state)
{
	(void)state;
	asked_by("10.244.0.5");
	assert_string_equal(lab_ask(&lab, WHOAMI, "TXT"),
			    "NOERROR aa: " WHOAMI
			    ". TXT \"address=10.244.0.5\" \"port=4000\" \"transport=TCP\" \"pod=web-0\" "
			    "\"namespace=other\" \"search=other.svc.cluster.local\" \"search=svc.cluster.local\" "
			    "\"search=cluster.local\" / /");
}

/* With a dnsPolicy or dnsConfig of its own: which domains it has is not known. */
static void a_pod_with_another_search_list(void **state)
{
	struct addr pod = lab_addr("10.244.0.6");

	(void)state;
	zone_pod_set(lab.zone, &pod, &(struct zone_pod){.ns = "other", .name = "web-1", .own_search = true});
	asked_by("10.244.0.6");
	assert_string_equal(lab_ask(&lab, WHOAMI, "TXT"),
			    "NOERROR aa: " WHOAMI
			    ". TXT \"address=10.244.0.6\" \"port=4000\" \"transport=TCP\" \"pod=web-1\" "
			    "\"namespace=other\" / /");
}

static void another(void **state)
{
	(void)state;
	asked_by("fd00::7");
	assert_string_equal(
		lab_ask(&lab, "WhoAmI.dns.cluster.local", "TXT"),
		"NOERROR aa: WhoAmI.dns.cluster.local. TXT \"address=fd00::7\" \"port=4000\" \"transport=TCP\" "
		"\"pod=unknown\" / /");
}

static void over_udp_with_ttl_0(void **state)
{
	uint8_t query[512];

	(void)state;
	asked_by("10.244.0.9");
	lab_send(&lab, query, lab_query(query, WHOAMI, 16, 1, 0), RESPOND_UDP);
	assert_string_equal(lab_line(&lab),
			    "NOERROR aa: " WHOAMI
			    ". TXT \"address=10.244.0.9\" \"port=4000\" \"transport=UDP\" \"pod=unknown\" / /");
	assert_int_equal(wire_get32(lab.reply + WIRE_HEADER_BYTES + sizeof WHOAMI + 1 + 4 + 6), 0);
}

static void only_that_name_and_type(void **state)
{
	static const struct lab_row rows[] = {
		{WHOAMI, "A", "NOERROR aa: / cluster.local. SOA /"},
		{WHOAMI, "ANY", "NOERROR aa: " WHOAMI ". HINFO \"RFC8482\" \"\" / /"},
		{"x." WHOAMI, "TXT", "NXDOMAIN aa: / cluster.local. SOA /"},
		{"whoami.cluster.local", "TXT", "NXDOMAIN aa: / cluster.local. SOA /"},
		{"whoami2.dns.cluster.local", "TXT", "NXDOMAIN aa: / cluster.local. SOA /"},
	};
	static const struct lab_row off[] = {{WHOAMI, "TXT", "NXDOMAIN aa: / cluster.local. SOA /"}};

	(void)state;
	assert_int_equal(lab_differing(&lab, rows, sizeof rows / sizeof *rows), 0);
	lab.config.debug_names = false;
	assert_int_equal(lab_differing(&lab, off, 1), 0);
	lab.config.debug_names = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pod), cmocka_unit_test(another), cmocka_unit_test(a_pod_with_another_search_list),
		cmocka_unit_test(over_udp_with_ttl_0), cmocka_unit_test(only_that_name_and_type)};

	return cmocka_run_group_tests(tests, fill, empty);
}
