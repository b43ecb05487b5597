/* Which addresses the daemon itself depends on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/needs.h"
#include "objects.h"
#include "tests/tempfolder.h"

static void expect(const struct needs *n, size_t at, const char *addr, enum address_fault fault)
{
	const struct addr wanted = ip(addr);

	assert_true(at < n->count);
	assert_true(addr_equal(&n->items[at].addr, &wanted));
	assert_int_equal(n->items[at].fault, fault);
}

static void servers_by_url(void **state)
{
	static const struct {
		const char *url, *addr;
	} cases[] = {{"https://192.168.0.9:6443", "192.168.0.9"}, {"http://192.168.0.9", "192.168.0.9"},
		     {"https://[fd00::9]:6443/k", "fd00::9"},	  {"https://[fd00::9]", "fd00::9"},
		     {"https://api.example.org:6443", NULL},	  {NULL, NULL}};
	struct config c;

	(void)state;
	config_init(&c);
	c.no_dns = true;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct needs n;
		needs_init(&n, &c, cases[i].url);
		assert_int_equal(n.count, cases[i].addr != NULL);
		if (cases[i].addr != NULL)
			expect(&n, 0, cases[i].addr, ADDRESS_API_SERVER);
		needs_fini(&n);
	}
	config_fini(&c);
}

static void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	fclose(f);
}

static void name_servers(void **state)
{
	char folder[TEMPFOLDER_BYTES], first[TEMPFOLDER_BYTES + 16], second[TEMPFOLDER_BYTES + 16];
	const char *const paths[] = {first, second};
	struct config c;
	struct needs n;

	(void)state;
	config_init(&c);
	needs_init(&n, &c, "https://192.168.0.9:6443");
	snprintf(first, sizeof first, "%s/first", tempfolder_new(folder, "needs"));
	snprintf(second, sizeof second, "%s/second", folder);
	assert_false(needs_name_servers_read(&n, paths, 2)); /* no file */
	file_write(first, "search a.example\nnameserver 192.168.0.1\n nameserver fd00::1\n# nameserver 1.1.1.1\n");
	assert_true(needs_name_servers_read(&n, paths, 2));
	assert_false(needs_name_servers_read(&n, paths, 2));
	assert_int_equal(n.count, 3);
	expect(&n, 0, "192.168.0.9", ADDRESS_API_SERVER);
	expect(&n, 1, "192.168.0.1", ADDRESS_NAME_SERVER);
	expect(&n, 2, "fd00::1", ADDRESS_NAME_SERVER);
	file_write(second, "nameserver 192.168.0.1\nnameserver 192.168.0.2\n"); /* known, and new */
	assert_true(needs_name_servers_read(&n, paths, 2));
	assert_int_equal(n.count, 4);
	expect(&n, 3, "192.168.0.2", ADDRESS_NAME_SERVER);
	file_write(first, "nameserver 192.168.0.3\n"); /* another one */
	file_write(second, "");
	assert_true(needs_name_servers_read(&n, paths, 2));
	assert_int_equal(n.count, 2);
	expect(&n, 1, "192.168.0.3", ADDRESS_NAME_SERVER);
	tempfolder_free(folder);
	assert_false(needs_name_servers_read(&n, paths, 2)); /* gone: they stay */
	assert_int_equal(n.count, 2);
	needs_fini(&n);
	config_fini(&c);
}

static void own_sockets(void **state)
{
	struct addr_port dns = {.addr = ip("10.96.0.10"), .port = 53};
	struct config c;
	struct needs n;

	(void)state;
	config_init(&c);
	c.dns_listen = (struct addr_port_list){1, &dns};
	c.healthz = (struct addr_port){.addr = ip("::"), .port = 10256};
	c.metrics = (struct addr_port){.addr = ip("127.0.0.1"), .port = 10249};
	needs_init(&n, &c, NULL);
	assert_int_equal(n.own_count, 4);
	assert_int_equal(n.own[0].proto, IPPROTO_UDP);
	assert_int_equal(n.own[1].proto, IPPROTO_TCP);
	assert_true(addr_is_wildcard(&n.own[2].addr));
	assert_int_equal(n.own[3].port, 10249);
	needs_fini(&n);
	c.no_dns = true;
	c.metrics.port = 0;
	needs_init(&n, &c, NULL);
	assert_int_equal(n.own_count, 1);
	needs_fini(&n);
	config_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_by_url),
		cmocka_unit_test(name_servers),
		cmocka_unit_test(own_sockets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
