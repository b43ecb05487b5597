/* What Services in manifests are given: texts of Services, and ranges. Include after <cmocka.h>. */
#ifndef TESTS_LAB_GIVEN_H
#define TESTS_LAB_GIVEN_H

#include "tests/unit/lab_world.h"

#define SERVICE(name, spec) "apiVersion: v1\nkind: Service\nmetadata: {name: " name "}\nspec: {" spec "}\n---\n"
#define PORT "ports: [{port: 80}]"
#define DUAL "10.96.0.0/16 fd00:10:96::/112"

static inline bool in_range(const struct addr *a, const char *range)
{
	struct cidr c;

	assert_true(cidr_parse(&c, range));
	return cidr_contains(&c, a);
}

#endif
