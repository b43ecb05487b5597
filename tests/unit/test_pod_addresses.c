/* Which pod has an address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proxy/pod_addresses.h"
#include "tests/unit/objects.h"

static struct pod_addrs pods;

static struct pod_object pod_of(const struct addr *addrs, size_t count)
{
	return (struct pod_object){.object = {.kind = OBJECT_POD}, .addrs = addrs, .addr_count = count};
}

static int teardown(void **state)
{
	(void)state;
	pod_addrs_fini(&pods);
	pods = (struct pod_addrs){0};
	return 0;
}

static void found_by_each_address(void **state)
{
	const struct addr both[] = {ip("10.244.0.1"), ip("fd00::1")}, moved[] = {ip("10.244.0.2")};
	const struct pod_object a = pod_of(both, 2), a2 = pod_of(moved, 1);

	(void)state;
	assert_null(pod_addrs_find(&pods, &both[0]));
	pod_addrs_change(&pods, NULL, &a);
	assert_ptr_equal(pod_addrs_find(&pods, &both[0]), &a);
	assert_ptr_equal(pod_addrs_find(&pods, &both[1]), &a);
	pod_addrs_change(&pods, &a, &a2);
	assert_null(pod_addrs_find(&pods, &both[0]));
	assert_null(pod_addrs_find(&pods, &both[1]));
	assert_ptr_equal(pod_addrs_find(&pods, &moved[0]), &a2);
	pod_addrs_change(&pods, &a2, NULL);
	assert_null(pod_addrs_find(&pods, &moved[0]));
}

/* The old pod may be reported gone before or after the new one is there, and change in between. */
static void the_last_one_has_it(void **state)
{
	const struct addr addr[] = {ip("10.244.0.1")};
	const struct pod_object old = pod_of(addr, 1), changed = pod_of(addr, 1), new = pod_of(addr, 1);

	(void)state;
	pod_addrs_change(&pods, NULL, &old);
	pod_addrs_change(&pods, NULL, &new);
	assert_ptr_equal(pod_addrs_find(&pods, addr), &new);
	pod_addrs_change(&pods, &old, &changed);
	assert_ptr_equal(pod_addrs_find(&pods, addr), &new);
	pod_addrs_change(&pods, &changed, NULL);
	assert_ptr_equal(pod_addrs_find(&pods, addr), &new);
	pod_addrs_change(&pods, NULL, &old);
	pod_addrs_change(&pods, &old, &changed);
	assert_ptr_equal(pod_addrs_find(&pods, addr), &changed);
	pod_addrs_change(&pods, &changed, NULL);
	assert_ptr_equal(pod_addrs_find(&pods, addr), &new);
}

/* No API server says so, but a manifest may. */
static void an_address_listed_twice(void **state)
{
	const struct addr twice[] = {ip("10.244.0.1"), ip("10.244.0.1")};
	const struct pod_object two = pod_of(twice, 2), one = pod_of(twice, 1);

	(void)state;
	pod_addrs_change(&pods, NULL, &two);
	pod_addrs_change(&pods, &two, &one);
	assert_ptr_equal(pod_addrs_find(&pods, &twice[0]), &one);
	pod_addrs_change(&pods, &one, &two);
	pod_addrs_change(&pods, &two, NULL);
	assert_null(pod_addrs_find(&pods, &twice[0]));
}

static void some_hold_none(void **state)
{
	const struct addr addr[] = {ip("10.244.0.1")};
	struct pod_object host = pod_of(addr, 1), ended = pod_of(addr, 1), pod = pod_of(addr, 1);

	(void)state;
	host.host_network = ended.finished = true;
	pod_addrs_change(&pods, NULL, &host);
	assert_null(pod_addrs_find(&pods, addr));
	pod_addrs_change(&pods, NULL, &pod);
	pod_addrs_change(&pods, &host, NULL);
	assert_ptr_equal(pod_addrs_find(&pods, addr), &pod);
	pod_addrs_change(&pods, &pod, &ended);
	assert_null(pod_addrs_find(&pods, addr));
	pod_addrs_change(&pods, &ended, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(found_by_each_address, teardown),
		cmocka_unit_test_teardown(the_last_one_has_it, teardown),
		cmocka_unit_test_teardown(an_address_listed_twice, teardown),
		cmocka_unit_test_teardown(some_hold_none, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
