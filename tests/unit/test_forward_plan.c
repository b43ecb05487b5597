/* What --forward and --stub-domain say, the servers of a resolv.conf, and names that find loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/forward/loop.h"
#include "dns/forward/plan.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(1024);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void forward_lists(void **state)
{
	struct forward_plan p = {0};

	(void)state;
	assert_false(plan_forwards(&p));
	assert_null(plan_forward(&p, arena, "10.0.0.1,[fd00::1]:5353,10.0.0.1:54"));
	assert_null(plan_forward(&p, arena, "10.0.0.2"));
	assert_int_equal(p.count, 4);
	assert_int_equal(p.to[0].at.port, 53);
	assert_int_equal(p.to[1].at.port, 5353);
	assert_true(plan_forwards(&p));
	static const char *const bad[] = {"10.0.0.1",  "none", "/etc/resolv.conf", "",
					  "10.0.0.3,", "host", "0.0.0.0",	   "10.0.0.3:0"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_non_null(plan_forward(&p, arena, bad[i]));
	p = (struct forward_plan){0};
	assert_null(plan_forward(&p, arena, "none"));
	assert_false(plan_forwards(&p));
	assert_non_null(plan_forward(&p, arena, "10.0.0.1"));
	p = (struct forward_plan){0};
	assert_null(plan_forward(&p, arena, "/run/resolv.conf"));
	assert_string_equal(p.file, "/run/resolv.conf");
	assert_non_null(plan_forward(&p, arena, "/run/other"));
}

static void tls_servers(void **state)
{
	struct forward_plan p = {0};

	(void)state;
	assert_null(plan_forward(&p, arena, "tls://10.0.0.1#dns.example,tls://[fd00::1]:8853,10.0.0.2"));
	assert_true(p.to[0].tls && p.to[1].tls && !p.to[2].tls);
	assert_int_equal(p.to[0].at.port, 853);
	assert_string_equal(p.to[0].name, "dns.example");
	assert_int_equal(p.to[1].at.port, 8853);
	assert_null(p.to[1].name);
	static const char *const bad[] = {"tls://", "tls://10.0.0.3#", "tls://10.0.0.3#a..b", "10.0.0.3#name",
					  "tls://10.0.0.1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_non_null(plan_forward(&p, arena, bad[i]));
}

static void no_more_servers_than_there_is_room_for(void **state)
{
	struct forward_plan p = {0};

	(void)state;
	for (int i = 0; i < UPSTREAMS_MAX; i++)
		assert_null(plan_forward(&p, arena, arena_printf(arena, "10.0.0.1:%d", 1 + i)));
	assert_string_equal(plan_forward(&p, arena, "10.0.0.2"), "more than 15 servers");
	for (int i = 0; i < STUBS_MAX; i++)
		assert_null(plan_stub(&p, arena, arena_printf(arena, "z%d.=10.0.0.1", i)));
	assert_string_equal(plan_stub(&p, arena, "z=10.0.0.2"), "more than 256 stub domains");
}

static const char *stub_zone(const struct forward_plan *p, const char *name)
{
	static char text[NAME_TEXT_BYTES];
	struct name n;

	assert_true(name_parse(&n, name));
	const struct stub *s = plan_stub_of(p, &n);
	return s != NULL ? name_format(s->zone.wire, text) : NULL;
}

static void the_longest_stub_domain_wins(void **state)
{
	struct forward_plan p = {0};

	(void)state;
	assert_null(plan_stub(&p, arena, "Corp.example=10.0.0.1,10.0.0.2:54"));
	assert_null(plan_stub(&p, arena, "lab.corp.example.=10.0.0.3"));
	assert_int_equal(p.stubs[0].count, 2);
	assert_string_equal(stub_zone(&p, "a.corp.example"), "corp.example.");
	assert_string_equal(stub_zone(&p, "corp.example"), "corp.example.");
	assert_string_equal(stub_zone(&p, "x.lab.corp.example"), "lab.corp.example.");
	assert_null(stub_zone(&p, "notcorp.example"));
	assert_null(stub_zone(&p, "example"));
	static const char *const bad[] = {
		"corp.example=10.0.0.9", "=10.0.0.1", "a", "a=", "a..b=10.0.0.1", ".=10.0.0.1", "b=10.0.0.1,10.0.0.1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_non_null(plan_stub(&p, arena, bad[i]));
	assert_int_equal(p.stub_count, 2);
}

static void servers_of_a_file(void **state)
{
	static const char text[] = "# comment\nnameserver 10.0.0.1\nsearch a b\nnameserver fe80::1%eth0\n"
				   "nameserver fd00::1\nnameserver 10.0.0.1\noptions ndots:5\n";
	struct forward_server to[UPSTREAMS_MAX];

	(void)state;
	assert_int_equal(plan_read_file(text, sizeof text - 1, to), 2);
	assert_int_equal(to[0].at.addr.family, AF_INET);
	assert_int_equal(to[1].at.addr.family, AF_INET6);
	assert_int_equal(to[1].at.port, 53);
	assert_int_equal(plan_read_file("", 0, to), 0);
	assert_int_equal(plan_read_file("nameserver\n", 11, to), 0);
	static const char tls[] =
		"nameserver tls://10.0.0.1#dns.example\nnameserver tls://10.0.0.2\nnameserver 10.0.0.3\n";
	assert_int_equal(plan_read_file(tls, sizeof tls - 1, to), 1);
	assert_false(to[0].tls || to[0].name != NULL);
}

static void loop_names(void **state)
{
	static struct loop_marks mine, other;
	uint8_t wire[NAME_BYTES];
	struct name zone, name;

	(void)state;
	name_parse(&zone, "corp.example");
	for (unsigned number = 0; number < LOOP_NUMBERS; number += 1365) {
		size_t at = 0, n = loop_name(&mine, number, &zone, wire);
		assert_true(name_read(&name, wire, n, &at));
		assert_true(name_ends_with(&name, &zone));
		assert_false(loop_note(&other, &name));
		assert_true(loop_note(&mine, &name));
		assert_true(loop_take(&mine, number));
		assert_false(loop_take(&mine, number));
		assert_false(loop_note(&mine, &name)); /* not asked for any more */
		loop_name(&mine, number, &zone, wire);
		assert_false(loop_take(&mine, number));
	}
	assert_false(loop_note(&mine, &zone));
	const struct name full = {.length = 250};
	assert_int_equal(loop_name(&mine, 1, &full, wire), 0);
}

/* One server's name tells it nothing of another's: else it could say that those lead back to us. */
static void loop_names_are_not_guessed(void **state)
{
	static struct loop_marks m;
	uint8_t first[NAME_BYTES], second[NAME_BYTES];
	struct name zone, name;
	size_t at = 0;

	(void)state;
	name_parse(&zone, "corp.example");
	size_t n = loop_name(&m, 7, &zone, first);
	loop_name(&m, 8, &zone, second);
	first[1 + LOOP_SECRET_CHARACTERS + 4] = '8'; /* the number of the other one */
	assert_true(name_read(&name, first, n, &at));
	assert_false(loop_note(&m, &name));
	assert_false(loop_take(&m, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forward_lists),
		cmocka_unit_test(tls_servers),
		cmocka_unit_test(no_more_servers_than_there_is_room_for),
		cmocka_unit_test(the_longest_stub_domain_wins),
		cmocka_unit_test(servers_of_a_file),
		cmocka_unit_test(loop_names),
		cmocka_unit_test(loop_names_are_not_guessed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
