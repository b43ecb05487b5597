/* EDNS options of queries and replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "dns/wire/edns.h"

/* From the authors of SipHash: key 00…0f, input 00, 01, 02 … */
static void siphash_vectors(void **state)
{
	uint8_t key[SIPHASH_KEY_BYTES], bytes[15];

	(void)state;
	for (uint8_t i = 0; i < sizeof key; i++)
		key[i] = i;
	memcpy(bytes, key, sizeof bytes);
	assert_true(siphash24(key, bytes, 0) == 0x726fdb47dd0e0e31);
	assert_true(siphash24(key, bytes, 1) == 0x74f839c593dc67fd);
	assert_true(siphash24(key, bytes, 8) == 0x93f5f5799a932462);
	assert_true(siphash24(key, bytes, 15) == 0xa129ca6149be45e5);
}

static void unhex(uint8_t *to, const char *hex)
{
	for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		*to++ = (uint8_t)byte;
}

/* RFC 9018, appendix A. */
static void cookie_vectors(void **state)
{
	static const struct {
		const char *secret, *client, *address, *cookie;
	} rows[] = {
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "198.51.100.100",
		 "010000005cf79f111f8130c3eee29480"},
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "fc93fc62807ddb86", "203.0.113.203",
		 "010000005cf7a9acf73a7810aca2381e"},
		{"445536bcd2513298075a5d379663c962", "22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8",
		 "010000005cf7c609a6bb79d16625507a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint8_t secret[16], client[8], expected[16], cookie[16];
		union {
			struct sockaddr any;
			struct sockaddr_in four;
			struct sockaddr_in6 six;
		} from = {0};
		bool four = inet_pton(AF_INET, rows[i].address, &from.four.sin_addr) == 1;
		if (!four)
			assert_int_equal(inet_pton(AF_INET6, rows[i].address, &from.six.sin6_addr), 1);
		from.any.sa_family = four ? AF_INET : AF_INET6;
		unhex(secret, rows[i].secret);
		unhex(client, rows[i].client);
		unhex(expected, rows[i].cookie);
		edns_cookie(secret, client, &from.any, wire_get32(expected + 4), cookie);
		assert_memory_equal(cookie, expected, sizeof expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(siphash_vectors), cmocka_unit_test(cookie_vectors)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
