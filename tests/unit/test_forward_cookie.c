/* DNS cookies towards upstream servers (RFC 7873 5.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/forward/cookie.h"

#define SERVER_BYTES 16

static struct cookie c;
static struct message m;

static int setup(void **state)
{
	(void)state;
	cookie_init(&c);
	m = (struct message){.edns = true};
	return 0;
}

/* A reply that carries our cookie and `length` bytes of the server's, each `fill`. */
static struct message *with(uint8_t fill, size_t length)
{
	memcpy(m.cookie, c.bytes, COOKIE_CLIENT_BYTES);
	memset(m.cookie + COOKIE_CLIENT_BYTES, fill, length);
	m.cookie_bytes = (uint8_t)(COOKIE_CLIENT_BYTES + length);
	return &m;
}

static struct message *lacking(void)
{
	m.cookie_bytes = 0;
	return &m;
}

static void differ(void **state)
{
	struct cookie other;

	(void)state;
	cookie_init(&other);
	assert_int_equal(c.length, COOKIE_CLIENT_BYTES);
	assert_memory_not_equal(c.bytes, other.bytes, COOKIE_CLIENT_BYTES);
}

static void what_the_server_gives_is_kept(void **state)
{
	(void)state;
	assert_int_equal(cookie_check(&c, lacking(), false), COOKIE_FINE);
	assert_int_equal(cookie_check(&c, with(1, SERVER_BYTES), false), COOKIE_FINE);
	assert_int_equal(c.length, COOKIE_CLIENT_BYTES + SERVER_BYTES);
	assert_int_equal(c.bytes[c.length - 1], 1);
	assert_int_equal(cookie_check(&c, with(2, 32), false), COOKIE_FINE);
	assert_int_equal(c.length, COOKIE_BYTES_MAX);
	assert_int_equal(cookie_check(&c, with(3, 7), false), COOKIE_FINE); /* no server's cookie is as short */
	assert_int_equal(c.bytes[COOKIE_CLIENT_BYTES], 2);
}

static void another_ones_is_refused(void **state)
{
	(void)state;
	for (int is_stream = 0; is_stream < 2; is_stream++) {
		with(1, SERVER_BYTES)->cookie[3] ^= 1;
		assert_int_equal(cookie_check(&c, &m, is_stream), COOKIE_OF_ANOTHER);
		assert_int_equal(c.length, COOKIE_CLIENT_BYTES);
	}
}

static void a_reply_without_is_not_believed_where_there_were_some(void **state)
{
	(void)state;
	cookie_check(&c, with(1, SERVER_BYTES), false);
	m.rcode = RCODE_FORMERR;
	assert_int_equal(cookie_check(&c, lacking(), false), COOKIE_LACKS);
	m.rcode = RCODE_NOERROR;
	assert_int_equal(cookie_check(&c, lacking(), false), COOKIE_LACKS);
	assert_int_equal(cookie_check(&c, lacking(), true), COOKIE_FINE); /* the server has none any more */
	assert_int_equal(cookie_check(&c, lacking(), false), COOKIE_FINE);
	cookie_check(&c, with(1, SERVER_BYTES), false);
	cookie_forget(&c);
	assert_int_equal(cookie_check(&c, lacking(), false), COOKIE_FINE);
}

static void bad_cookie(void **state)
{
	(void)state;
	cookie_check(&c, with(1, SERVER_BYTES), false);
	m.rcode = RCODE_BADCOOKIE;
	assert_int_equal(cookie_check(&c, with(2, SERVER_BYTES), false), COOKIE_RENEWED);
	assert_int_equal(c.bytes[c.length - 1], 2);
	assert_int_equal(cookie_check(&c, with(2, SERVER_BYTES), false), COOKIE_FINE); /* a failure like others */
}

static void a_server_that_does_not_take_the_option(void **state)
{
	(void)state;
	m.rcode = RCODE_FORMERR;
	m.edns = false;
	assert_int_equal(cookie_check(&c, lacking(), false), COOKIE_FINE); /* older than EDNS: another question */
	m.edns = true;
	assert_int_equal(cookie_check(&c, lacking(), false), COOKIE_REFUSED);
	assert_int_equal(c.length, 0);
	assert_int_equal(cookie_check(&c, lacking(), false), COOKIE_FINE);
	cookie_forget(&c);
	assert_int_equal(c.length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(differ, setup),
		cmocka_unit_test_setup(what_the_server_gives_is_kept, setup),
		cmocka_unit_test_setup(another_ones_is_refused, setup),
		cmocka_unit_test_setup(a_reply_without_is_not_believed_where_there_were_some, setup),
		cmocka_unit_test_setup(bad_cookie, setup),
		cmocka_unit_test_setup(a_server_that_does_not_take_the_option, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
