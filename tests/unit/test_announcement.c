/* The frames that tell a network who has an address, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "netlink/announcement.h"
#include "objects.h"

static const uint8_t mac[6] = {0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

static void arp(void **state)
{
	/* RFC 826; RFC 5227 3: sender and target are the address */
	static const uint8_t request[] = {0,   1,   8, 0,   6, 4, 0, 1, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55,
					  192, 168, 0, 200, 0, 0, 0, 0, 0,    0,    192,  168,	0,    200};
	uint8_t out[ANNOUNCEMENT_BYTES_MAX], reply[sizeof request];
	const struct addr addr = ip("192.168.0.200");

	(void)state;
	assert_int_equal(announcement_arp(out, &addr, mac, false), sizeof request);
	assert_memory_equal(out, request, sizeof request);
	memcpy(reply, request, sizeof reply);
	reply[7] = 2;
	memcpy(reply + 18, mac, sizeof mac);
	assert_int_equal(announcement_arp(out, &addr, mac, true), sizeof reply);
	assert_memory_equal(out, reply, sizeof reply);
}

/* RFC 1071: the sum over the pseudo header and the message, with its checksum, is all ones. */
static uint32_t sum(const uint8_t *bytes, size_t length)
{
	uint32_t all = 0;

	for (size_t i = 0; i < length; i += 2)
		all += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return all;
}

static void neighbour_advertisement(void **state)
{
	static const uint8_t head[] = {0x60, 0, 0, 0, 0, 32, 58, 255};
	static const uint8_t all_nodes[] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	static const uint8_t option[] = {2, 1, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55};
	uint8_t out[ANNOUNCEMENT_BYTES_MAX];
	const struct addr addr = ip("fd00::200");

	(void)state;
	assert_int_equal(announcement_neighbour(out, &addr, mac), 72);
	assert_memory_equal(out, head, sizeof head);
	assert_memory_equal(out + 8, addr.bytes, 16);
	assert_memory_equal(out + 24, all_nodes, 16);
	assert_int_equal(out[40], 136);
	assert_int_equal(out[41], 0);
	assert_int_equal(out[44], 0x20); /* override; neither solicited nor a router */
	assert_memory_equal(out + 48, addr.bytes, 16);
	assert_memory_equal(out + 64, option, sizeof option);
	uint32_t all = sum(out + 8, 64) + 32 + 58;
	all = (all & 0xffff) + (all >> 16);
	assert_int_equal((all & 0xffff) + (all >> 16), 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(arp), cmocka_unit_test(neighbour_advertisement)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
