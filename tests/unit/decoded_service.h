/* One Service from YAML text, for the decoder's tests: include after <cmocka.h>. */
#ifndef TESTS_DECODED_SERVICE_H
#define TESTS_DECODED_SERVICE_H

#include "tests/unit/decoded.h"

#define HEAD "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: prod}\n"
#define SPEC(spec) HEAD "spec: {" spec "}\n"

static inline const struct service_object *one_service(struct decoded *d, const char *text, bool lenient)
{
	decode_text(d, text, lenient);
	assert_int_equal(d->count, 1);
	assert_int_equal(d->objects[0]->kind, OBJECT_SERVICE);
	return (const struct service_object *)d->objects[0];
}

#endif
