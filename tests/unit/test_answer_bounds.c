/*
 * What a query may cost, whatever the Service: not more than its reply is large. And labels are counted bytes: a NUL in
 * one ends nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "dns/wire/wire.h"
#include "tests/unit/cpu_clock.h"
#include "tests/unit/dns_lab.h"

#define S ".default.svc.cluster.local"
#define MANY 20000
#define TIMES_MORE 40 /* a thousand times the ports may cost this much more; scanning them would cost hundreds */
#define TRIES 50

static struct lab lab;

static int setup(void **state)
{
	(void)state;
	lab_init(&lab);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

/* `count` named ports; with `same_number` all are port 80. */
static struct dns_port *make_ports(size_t count, bool same_number)
{
	struct dns_port *ports = mem_array(count, sizeof *ports);

	for (size_t i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof name, "p%06zu", i);
		ports[i] = (struct dns_port){
			.name = mem_strdup(name), .proto = IPPROTO_TCP, .port = (uint16_t)(same_number ? 80 : i + 1)};
	}
	return ports;
}

static void put_headless(const char *name, size_t ports, size_t endpoints, bool same_number)
{
	struct service draft = {
		.ns = "default", .name = name, .dns_kind = DNS_HEADLESS, .dns_port_count = (uint32_t)ports};
	struct dns_endpoint *e = mem_array(endpoints, sizeof *e);
	struct dns_port *p = make_ports(ports, same_number);

	for (size_t i = 0; i < endpoints; i++) {
		char label[32], addr[32];
		snprintf(label, sizeof label, "e%06zu", i);
		snprintf(addr, sizeof addr, "10.%zu.%zu.%zu", 1 + i / 65536, i / 256 % 256, i % 256);
		e[i] = (struct dns_endpoint){
			.addr = lab_addr(addr), .port_count = (uint16_t)ports, .label = mem_strdup(label)};
	}
	draft.dns_ports = p;
	draft.dns_endpoints = e;
	draft.dns_endpoint_count = (uint32_t)endpoints;
	lab_put(&lab, service_pack(&draft));
	for (size_t i = 0; i < ports; i++)
		free((char *)p[i].name);
	for (size_t i = 0; i < endpoints; i++)
		free((char *)e[i].label);
	free(p);
	free(e);
}

/* The fastest of many tries, in ns: other programs only add. */
static uint64_t cost(const char *name, const char *type)
{
	uint64_t best = UINT64_MAX;
	uint8_t query[512];
	size_t length = lab_query(query, name, strcmp(type, "SRV") == 0 ? TYPE_SRV : TYPE_PTR, CLASS_IN, 1232);

	for (int i = 0; i < TRIES; i++) {
		uint64_t start = cpu_ns();
		lab_send(&lab, query, length, RESPOND_UDP);
		uint64_t took = cpu_ns() - start;
		best = took < best ? took : best;
	}
	return best;
}

static void assert_bounded(const char *few, const char *many, const char *type)
{
	uint64_t small = cost(few, type), large = cost(many, type);

	print_message("%s %s: %llu ns, %s: %llu ns\n", type, few, (unsigned long long)small, many,
		      (unsigned long long)large);
	assert_true(large <= small * TIMES_MORE);
}

static void test_ports(void **state)
{
	(void)state;
	put_headless("few", 20, 20, false);
	put_headless("many", MANY, 20, false);
	put_headless("same", MANY, 20, true);
	put_headless("wide", 20, MANY, false);
	for (int i = 0; i < 3; i++) {
		static const char *const services[] = {"many", "same", "wide"};
		char name[128], port[128];
		snprintf(name, sizeof name, "%s" S, services[i]);
		assert_bounded("few" S, name, "SRV");
		snprintf(port, sizeof port, "_p000019._tcp.%s" S, services[i]);
		assert_bounded("_p000019._tcp.few" S, port, "SRV");
		snprintf(port, sizeof port, "_p999999._tcp.%s" S, services[i]);
		assert_bounded("_p999999._tcp.few" S, port, "SRV");
		snprintf(port, sizeof port, "_udp.%s" S, services[i]);
		assert_bounded("_udp.few" S, port, "SRV");
	}
	assert_bounded("19.0.1.10.in-addr.arpa", "200.40.1.10.in-addr.arpa", "PTR");
}

static void test_a_large_set_rotates(void **state)
{
	char first[65536];

	(void)state;
	put_headless("large", 1, 500, false);
	lab.config.fixed_order = false;
	snprintf(first, sizeof first, "%s", lab_ask(&lab, "large" S, "SRV"));
	bool other = false;
	for (int i = 0; i < 20; i++)
		other |= strcmp(first, lab_ask(&lab, "large" S, "SRV")) != 0;
	assert_true(other);
}

/* Sends a query for labels that may hold any byte. */
static const char *ask_raw(const char *labels, size_t length, unsigned type)
{
	uint8_t query[512];
	static const char tail[] = "\7default\3svc\7cluster\5local";
	size_t n = lab_query(query, ".", type, CLASS_IN, 0);

	memcpy(query + 12, labels, length);
	memcpy(query + 12 + length, tail, sizeof tail);
	n = 12 + length + sizeof tail;
	wire_put16(query + n, type);
	wire_put16(query + n + 2, CLASS_IN);
	lab_send(&lab, query, n + 4, RESPOND_UDP);
	return lab_line(&lab);
}

#define ASK_RAW(labels, type) ask_raw(labels, sizeof(labels) - 1, type)

static void test_labels_are_counted(void **state)
{
	(void)state;
	lab_put(&lab, lab_headless("default", "db", "sql:tcp:5432", "db-1=10.0.0.1 db-10=10.0.0.2", 0));
	assert_non_null(strstr(ASK_RAW("\4db-1\2db", TYPE_A), "10.0.0.1"));
	assert_non_null(strstr(ASK_RAW("\5db-1\0\2db", TYPE_A), "NXDOMAIN"));
	assert_non_null(strstr(ASK_RAW("\24db-1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2db", TYPE_A), "NXDOMAIN"));
	assert_non_null(strstr(ASK_RAW("\4db\0001\2db", TYPE_A), "NXDOMAIN"));
	assert_non_null(strstr(ASK_RAW("\5_sql\0\4_tcp\2db", TYPE_SRV), "NXDOMAIN"));
	assert_non_null(strstr(ASK_RAW("\4_sql\5_tcp\0\2db", TYPE_SRV), "NXDOMAIN"));
	assert_non_null(strstr(ASK_RAW("\4_sql\4_tcp\3db\0", TYPE_SRV), "NXDOMAIN"));
}

static void test_pod_names_are_counted(void **state)
{
	static const char good[] = "\12"
				   "10-1-2-3\0\0",
			  plain[] = "\10"
				    "10-1-2-3",
			  evil[] = "\15"
				   "10-1-2-3\0evil";
	static const char tail[] = "\7default\3pod\7cluster\5local";
	const struct {
		const char *label;
		size_t length;
		const char *expected;
	} rows[] = {{plain, sizeof plain - 1, "NOERROR"},
		    {good, sizeof good - 1, "NXDOMAIN"},
		    {evil, sizeof evil - 1, "NXDOMAIN"}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		uint8_t query[256];
		size_t n = lab_query(query, ".", TYPE_A, CLASS_IN, 0);
		memcpy(query + 12, rows[i].label, rows[i].length);
		memcpy(query + 12 + rows[i].length, tail, sizeof tail);
		n = 12 + rows[i].length + sizeof tail;
		wire_put16(query + n, TYPE_A);
		wire_put16(query + n + 2, CLASS_IN);
		lab_send(&lab, query, n + 4, RESPOND_UDP);
		assert_non_null(strstr(lab_line(&lab), rows[i].expected));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_a_large_set_rotates),
		cmocka_unit_test(test_labels_are_counted),
		cmocka_unit_test(test_pod_names_are_counted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
