/* What `fairlead query` makes of replies: built by ldns, read by ldns, judged by us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/query_message.h"

static uint8_t query[QUERY_BYTES_MAX];
static size_t query_bytes;

static enum outcome read_reply(unsigned byte2, unsigned byte3, struct buf *text)
{
	uint8_t reply[QUERY_BYTES_MAX];
	enum outcome outcome = OUTCOME_NONE;

	memcpy(reply, query, query_bytes);
	reply[2] = (uint8_t)byte2;
	reply[3] = (uint8_t)byte3;
	query_reply_read(reply, query_bytes, query, query_bytes, &outcome, text);
	return outcome;
}

static void test_outcomes(void **state)
{
	static const struct {
		unsigned byte2, byte3;
		enum outcome want;
	} rows[] = {{0x01, 0x00, OUTCOME_NONE},	  {0x81, 0x03, OUTCOME_NXDOMAIN}, {0x81, 0x02, OUTCOME_SERVFAIL},
		    {0x81, 0x04, OUTCOME_NOTIMP}, {0x81, 0x05, OUTCOME_REFUSED},  {0x83, 0x00, OUTCOME_TRUNCATED},
		    {0x81, 0x00, OUTCOME_LAME},	  {0x85, 0x00, OUTCOME_NODATA},	  {0x81, 0x80, OUTCOME_NODATA}};

	(void)state;
	query_bytes = query_make(query, "web.shop.", query_type("AAAA"), 1232, 7);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf text = {0};
		assert_int_equal(read_reply(rows[i].byte2, rows[i].byte3, &text), rows[i].want);
		buf_fini(&text);
	}
}

static void test_replies_to_others(void **state)
{
	uint8_t other[QUERY_BYTES_MAX];
	enum outcome outcome;
	struct buf text = {0};
	size_t length = query_make(other, "api.shop.", query_type("A"), 1232, 7);

	(void)state;
	query_bytes = query_make(query, "web.shop.", query_type("A"), 1232, 7);
	other[2] |= 0x80;
	assert_false(query_reply_read(other, length, query, query_bytes, &outcome, &text));
	for (size_t cut = 0; cut < query_bytes; cut++)
		assert_false(query_reply_read(other, cut, query, query_bytes, &outcome, &text));
	assert_int_equal(text.length_bytes, 0);
}

static void test_names_and_types(void **state)
{
	(void)state;
	assert_int_equal(query_make(query, "a..b", 1, 512, 7), 0);
	assert_int_equal(query_type("aaaa"), 28);
	assert_int_equal(query_type("TYPE65"), 65);
	assert_int_equal(query_type("BLA"), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_replies_to_others),
		cmocka_unit_test(test_names_and_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
