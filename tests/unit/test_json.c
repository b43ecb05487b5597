/* The JSON writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

static void nested(void **state)
{
	struct buf out = {0};
	struct json j = {.out = &out};

	(void)state;
	json_object(&j, NULL);
	json_string(&j, "a\"\\\n", "b");
	json_string(&j, "none", NULL);
	json_array(&j, "list");
	json_number(&j, NULL, -3);
	json_object(&j, NULL);
	json_end(&j);
	json_bool(&j, NULL, true);
	json_end(&j);
	json_end(&j);
	assert_string_equal(out.data, "{\"a\\\"\\\\\\u000a\":\"b\",\"none\":null,\"list\":[-3,{},true]}");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nested)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
