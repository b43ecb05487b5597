/* The grace period before a TCP reset. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/removed_endpoints.h"
#include "tests/unit/objects.h"

static struct arena *arena;

static struct service *compiled(const char *endpoints)
{
	const struct node_facts node = {.name = "n"};
	struct service_object *o = make_service(arena, "web", "10.96.0.1");
	const struct slice_object *slice = make_slice(arena, "web", "", IPPROTO_TCP, 80, endpoints);
	const struct compile_input in = {.object = o, .slice_count = 1, .slices = &slice, .node = &node};
	struct arena *scratch = arena_new(4096);

	add_port(arena, o, "", IPPROTO_TCP, 80, 0);
	struct service *s = service_compile(&in, scratch);
	arena_free(scratch);
	return s;
}

static bool due(const struct removed_endpoints *c, const char *addr, uint64_t now_ms)
{
	const struct addr a = ip(addr);
	struct removed_due d;

	removed_endpoints_due(c, now_ms, &d);
	bool has = removed_due_has(&d, &a, 80);
	removed_due_fini(&d);
	return has;
}

static bool reached_through(const struct removed_endpoints *c, const char *addr)
{
	const struct frontend_key key = {.addr = ip(addr), .proto = IPPROTO_TCP, .port = 80};

	return frontend_set_has(&c->frontends, &key);
}

static void gone_is_due_after_the_grace(void **state)
{
	struct removed_endpoints c = {.grace_ms = 1000};
	struct service *both = compiled("10.0.0.1 10.0.0.2"), *one = compiled("10.0.0.1 ~10.0.0.3");
	struct service *terminating = compiled("~10.0.0.1");

	(void)state;
	removed_endpoints_note(&c, NULL, both, 100);
	assert_int_equal(c.next_ms, 0);
	assert_false(reached_through(&c, "10.96.0.1"));
	removed_endpoints_note(&c, both, one, 200);
	assert_int_equal(c.next_ms, 1200);
	assert_true(reached_through(&c, "10.96.0.1"));
	assert_false(due(&c, "10.0.0.2", 1199));
	assert_true(due(&c, "10.0.0.2", 1200));
	assert_false(due(&c, "10.0.0.1", 9999));
	removed_endpoints_note(&c, one, terminating, 500); /* terminating is still listed */
	assert_false(due(&c, "10.0.0.1", 9999));
	assert_true(due(&c, "10.0.0.3", 1500));
	removed_endpoints_done(&c, 1200);
	assert_int_equal(c.next_ms, 1500);
	assert_true(reached_through(&c, "10.96.0.1")); /* 10.0.0.3 waits */
	assert_false(due(&c, "10.0.0.2", 9999));
	removed_endpoints_note(&c, terminating, one, 600); /* back again */
	assert_false(due(&c, "10.0.0.3", 9999));
	removed_endpoints_note(&c, one, NULL, 700);
	assert_true(due(&c, "10.0.0.1", 1700));
	removed_endpoints_fini(&c);
	service_free(both);
	service_free(one);
	service_free(terminating);
}

/* What left while no process ran: the connections are found, the moment is not. */
static void gone_before_the_start_is_due_too(void **state)
{
	struct removed_endpoints c = {.grace_ms = 1000};
	struct service *both = compiled("10.0.0.1 10.0.0.2"), *one = compiled("10.0.0.1");

	(void)state;
	removed_endpoints_start(&c, 100);
	removed_endpoints_note(&c, NULL, both, 100);
	assert_int_equal(c.next_ms, 1100);
	assert_true(reached_through(&c, "10.96.0.1"));
	removed_endpoints_note(&c, both, one, 600);
	assert_false(due(&c, "10.0.0.9", 1099));
	assert_true(due(&c, "10.0.0.9", 1100));
	assert_false(due(&c, "10.0.0.2", 1100)); /* its own grace is not over */
	removed_endpoints_done(&c, 1100);
	assert_int_equal(c.next_ms, 1600);
	assert_false(due(&c, "10.0.0.9", 9999));
	assert_true(due(&c, "10.0.0.2", 1600));
	removed_endpoints_done(&c, 1600);
	assert_int_equal(c.next_ms, 0);
	assert_false(reached_through(&c, "10.96.0.1"));
	removed_endpoints_fini(&c);
	service_free(both);
	service_free(one);
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new(4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(gone_is_due_after_the_grace, setup, teardown),
		cmocka_unit_test_setup_teardown(gone_before_the_start_is_due_too, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
