/* Which addresses of Services are announced on a network, and why others are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "objects.h"
#include "service/announce_plan.h"

#define FRONTENDS 8

struct made {
	struct frontend frontends[FRONTENDS];
	struct service service;
};

static void add(struct made *m, const char *addr, uint16_t port, enum frontend_kind kind)
{
	m->frontends[m->service.frontend_count++] =
		(struct frontend){.key = {.addr = ip(addr), .proto = 6, .port = port}, .kind = (uint8_t)kind};
	m->service.frontends = m->frontends;
}

static struct cidr net(const char *text)
{
	struct cidr c;

	assert_true(cidr_parse(&c, text));
	return c;
}

/* The fault of one external address. */
static enum announce_fault fault_of(const char *addr, const struct announce_input *like)
{
	struct made m = {0};
	const struct service *services[] = {&m.service};
	struct announce_input in = *like;
	size_t count;

	add(&m, addr, 80, FRONTEND_EXTERNAL_IP);
	in.services = services;
	in.service_count = 1;
	struct announce_wish *wishes = announce_plan(&in, &count);
	assert_int_equal(count, 1);
	enum announce_fault fault = (enum announce_fault)wishes[0].fault;
	assert_true((fault == ANNOUNCE_FINE) == (announce_fault_text(fault)[0] == '\0'));
	free(wishes);
	return fault;
}

static void outside_addresses_only(void **state)
{
	const struct cidr networks[] = {net("192.168.0.0/24"), net("10.0.0.0/8")};
	struct made web = {0}, dns = {0};
	const struct service *services[] = {&web.service, &dns.service};
	const struct announce_input in = {
		.services = services, .service_count = 2, .networks = networks, .network_count = 2};
	size_t count;

	(void)state;
	add(&web, "10.96.0.1", 80, FRONTEND_CLUSTER_IP);
	add(&web, "192.168.0.2", 30080, FRONTEND_NODE_PORT);
	add(&web, "192.168.0.201", 80, FRONTEND_LOAD_BALANCER);
	add(&web, "192.168.0.201", 443, FRONTEND_LOAD_BALANCER);
	add(&dns, "192.168.0.200", 53, FRONTEND_EXTERNAL_IP);
	add(&dns, "192.168.0.201", 53, FRONTEND_EXTERNAL_IP); /* shared: another port of it */
	struct announce_wish *wishes = announce_plan(&in, &count);
	assert_int_equal(count, 2);
	const struct addr first = ip("192.168.0.200"), second = ip("192.168.0.201");
	assert_true(addr_equal(&wishes[0].addr, &first));
	assert_true(addr_equal(&wishes[1].addr, &second));
	assert_int_equal(wishes[0].fault, ANNOUNCE_FINE);
	free(wishes);
}

static void reasons(void **state)
{
	const struct cidr networks[] = {net("192.168.0.0/24"), net("fd00::/64"), net("192.0.2.8/31"),
					net("fd01::/127")};
	const struct addr host[] = {ip("192.168.0.2"), ip("203.0.113.9")},
			  routers[] = {ip("192.168.0.1"), ip("fd00::1")};
	struct announce_input in = {.networks = networks,
				    .network_count = 4,
				    .host = host,
				    .host_count = 2,
				    .routers = routers,
				    .router_count = 2};
	static const struct {
		const char *addr;
		enum announce_fault fault;
	} cases[] = {
		{"192.168.0.200", ANNOUNCE_FINE},
		{"fd00::200", ANNOUNCE_FINE},
		{"192.168.1.1", ANNOUNCE_NO_NETWORK},
		{"fd00:0:0:1::1", ANNOUNCE_NO_NETWORK},
		{"192.168.0.0", ANNOUNCE_SUBNET},
		{"192.168.0.255", ANNOUNCE_SUBNET},
		{"fd00::", ANNOUNCE_SUBNET},
		{"fd00::ffff:ffff:ffff:ffff", ANNOUNCE_FINE},
		{"192.0.2.8", ANNOUNCE_FINE},
		{"192.0.2.9", ANNOUNCE_FINE},
		{"fd01::", ANNOUNCE_FINE},
		{"192.168.0.2", ANNOUNCE_HOST},
		{"203.0.113.9", ANNOUNCE_HOST},
		{"192.168.0.1", ANNOUNCE_ROUTER},
		{"fd00::1", ANNOUNCE_ROUTER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(fault_of(cases[i].addr, &in), cases[i].fault);
	in.unable[1] = true;
	assert_int_equal(fault_of("fd00::200", &in), ANNOUNCE_UNABLE);
	assert_int_equal(fault_of("192.168.0.200", &in), ANNOUNCE_FINE);
	in.unable[0] = true;
	assert_int_equal(fault_of("192.168.0.200", &in), ANNOUNCE_UNABLE);
	assert_int_equal(fault_of("192.168.1.1", &in), ANNOUNCE_NO_NETWORK);
}

static void limit(void **state)
{
	const struct cidr network = net("10.0.0.0/8");
	struct frontend *frontends = mem_alloc((ANNOUNCE_MAX + 3) * sizeof *frontends);
	const struct service s = {.frontends = frontends, .frontend_count = ANNOUNCE_MAX + 3};
	const struct service *services[] = {&s};
	const struct announce_input in = {
		.services = services, .service_count = 1, .networks = &network, .network_count = 1};
	size_t count, fine = 0;

	(void)state;
	for (uint32_t i = 0; i < ANNOUNCE_MAX + 3; i++)
		frontends[i] = (struct frontend){.key.addr = {AF_INET, {10, 1, (uint8_t)(i >> 8), (uint8_t)i}},
						 .kind = FRONTEND_LOAD_BALANCER};
	struct announce_wish *wishes = announce_plan(&in, &count);
	assert_int_equal(count, ANNOUNCE_MAX + 3);
	for (size_t i = 0; i < count; i++)
		fine += wishes[i].fault == ANNOUNCE_FINE;
	assert_int_equal(fine, ANNOUNCE_MAX);
	assert_int_equal(wishes[count - 1].fault, ANNOUNCE_TOO_MANY);
	free(wishes);
	free(frontends);
}

static void digest(void **state)
{
	struct made a = {0}, b = {0}, c = {0};

	(void)state;
	assert_int_equal(announce_digest(NULL), 0);
	add(&a, "10.96.0.1", 80, FRONTEND_CLUSTER_IP);
	assert_int_equal(announce_digest(&a.service), 0);
	add(&a, "192.168.0.200", 80, FRONTEND_EXTERNAL_IP);
	add(&b, "192.168.0.200", 80, FRONTEND_LOAD_BALANCER);
	add(&b, "192.168.0.200", 443, FRONTEND_LOAD_BALANCER); /* ports do not matter */
	add(&c, "192.168.0.201", 80, FRONTEND_EXTERNAL_IP);
	assert_true(announce_digest(&a.service) != 0);
	assert_int_equal(announce_digest(&a.service), announce_digest(&b.service));
	assert_int_not_equal(announce_digest(&a.service), announce_digest(&c.service));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outside_addresses_only),
		cmocka_unit_test(reasons),
		cmocka_unit_test(limit),
		cmocka_unit_test(digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
