/* Which addresses are steered: flags, and the Service kube-dns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "daemon/cluster_dns.h"
#include "objects.h"

static struct arena *arena;

static struct cluster_dns_addrs parsed(const char *text)
{
	struct cluster_dns_addrs to = {0};

	assert_null(cluster_dns_parse(&to, arena, text));
	return to;
}

static void flags(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {{"10.96.0.10,", "\"\" is not an IP address"},
		   {"10.96.0.10/32", "\"10.96.0.10/32\" is not an IP address"},
		   {"none,10.96.0.10", "\"none\" is not an IP address"},
		   {"127.0.0.1", "127.0.0.1: pods cannot ask there"},
		   {"::", "::: pods cannot ask there"},
		   {"224.0.0.1", "224.0.0.1: pods cannot ask there"},
		   {"10.96.0.10,10.96.0.10", "10.96.0.10 is given twice"},
		   {"10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5", "more than 4 addresses"}};
	struct cluster_dns_addrs to = parsed("10.96.0.10,fd00::a");

	(void)state;
	assert_int_equal(to.count, 2);
	assert_false(to.none);
	assert_string_equal(cluster_dns_parse(&to, arena, "none"), "\"none\" and addresses");
	assert_int_equal(parsed("").count, 0);
	to = parsed("none");
	assert_true(to.none);
	assert_string_equal(cluster_dns_parse(&to, arena, "10.96.0.10"), "\"none\" and addresses");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		to = (struct cluster_dns_addrs){0};
		assert_string_equal(cluster_dns_parse(&to, arena, bad[i].text), bad[i].error);
	}
	to = (struct cluster_dns_addrs){0};
	assert_string_equal(cluster_dns_parse_local(&to, arena, "none"), "\"none\" is not an IP address");
	assert_null(cluster_dns_parse_local(&to, arena, "169.254.20.10"));
	assert_int_equal(to.count, 1);
}

static void expect(const char *given, const char *local, const struct service_object *service, const char *wanted)
{
	const struct cluster_dns_addrs g = parsed(given), l = parsed(local);
	struct addr out[2 * CLUSTER_DNS_ADDRS_MAX];
	char text[ADDR_TEXT_BYTES];
	struct buf list = {0};

	size_t count = cluster_dns_list(&g, &l, service, out);
	for (size_t i = 0; i < count; i++)
		buf_printf(&list, "%s%s", i != 0 ? " " : "", addr_format(&out[i], text));
	assert_string_equal(count == 0 ? "" : list.data, wanted);
	buf_fini(&list);
}

static void lists(void **state)
{
	const struct service_object headless = {0};
	const struct service_object loopback = {.cluster_ip_count = 1, .cluster_ips = {ip("127.0.0.1")}};
	const struct service_object service = {.cluster_ip_count = 2,
					       .cluster_ips = {ip("10.96.0.10"), ip("fd00:96::a")}};

	(void)state;
	expect("", "", NULL, "");
	expect("", "", &service, "10.96.0.10 fd00:96::a");
	expect("", "", &headless, "");
	expect("", "", &loopback, "");
	expect("none", "", &service, "");
	expect("none", "169.254.20.10", &service, "169.254.20.10");
	expect("10.1.1.1", "", &service, "10.1.1.1");
	expect("10.1.1.1", "169.254.20.10,10.1.1.1", NULL, "10.1.1.1 169.254.20.10");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(flags), cmocka_unit_test(lists)};

	arena = arena_new(1024);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(arena);
	return failed;
}
