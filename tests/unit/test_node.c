/* What is known of this node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "objects.h"
#include "service/node.h"

/* A node with these addresses and service ranges; returns what changed. */
static unsigned update(struct node *n, const struct addr *host, size_t host_count, const char *range)
{
	static const struct nodeports nodeports = {.primary = true};
	static const struct addr_list no_ips;
	struct cidr cidr;
	struct cidr_list ranges = {range != NULL, &cidr};
	struct node_input in = {.name = "here",
				.ips = &no_ips,
				.nodeports = &nodeports,
				.host_count = host_count,
				.host = host,
				.service_cidrs = &ranges};

	assert_true(range == NULL || cidr_parse(&cidr, range));
	return node_update(n, &in);
}

static bool matters(const struct node *n, unsigned changes, const struct service_object *s)
{
	return node_matters(n, changes, s, 0, NULL);
}

/* An address that comes or goes concerns the Services that ask for it, and no others. */
static void moved_addresses(void **state)
{
	struct arena *a = arena_new(4096);
	struct service_object *at = make_service(a, "at", "192.168.0.3"),
			      *other = make_service(a, "other", "10.96.0.2");
	struct service_object *external = make_service(a, "external", "10.96.0.3");
	struct addr host[] = {ip("127.0.0.1"), ip("192.168.0.2"), ip("192.168.0.3"), ip("fe80::1")};
	struct node n = {0};

	(void)state;
	add_external_ip(a, external, "192.168.0.3");
	update(&n, host, 2, NULL);
	assert_int_equal(n.facts.addresses.host_count, 1);
	for (int pass = 0; pass < 2; pass++) {
		unsigned changes = update(&n, host, pass == 0 ? 3 : 2, NULL);
		assert_int_equal(changes, NODE_HOST);
		assert_true(matters(&n, changes, at));
		assert_true(matters(&n, changes, external));
		assert_false(matters(&n, changes, other));
	}
	/* Link-local addresses come and go with every pod. */
	host[2] = host[3];
	assert_int_equal(update(&n, host, 3, NULL), 0);
	node_fini(&n);
	arena_free(a);
}

static void service_ranges(void **state)
{
	struct arena *a = arena_new(4096);
	struct service_object *plain = make_service(a, "plain", "10.96.0.2");
	struct service_object *external = make_service(a, "external", "10.96.0.3");
	struct node n = {0};

	(void)state;
	add_external_ip(a, external, "10.96.0.4");
	update(&n, NULL, 0, NULL);
	unsigned changes = update(&n, NULL, 0, "10.96.0.0/16");
	assert_int_equal(changes, NODE_NEEDED);
	assert_int_equal(n.facts.addresses.service_cidr_count, 1);
	assert_true(matters(&n, changes, external));
	assert_false(matters(&n, changes, plain));
	assert_int_equal(update(&n, NULL, 0, "10.96.0.0/16"), 0);
	node_fini(&n);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moved_addresses),
		cmocka_unit_test(service_ranges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
