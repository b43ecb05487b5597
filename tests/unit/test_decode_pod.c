/* What is read of pods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/decoded.h"

/* Whose resolv.conf has other search domains than kubelet writes for ClusterFirst. */
static void pods_with_a_search_list_of_their_own(void **state)
{
	static const struct {
		const char *spec;
		bool own;
	} rows[] = {
		{"{}", false},
		{"{dnsPolicy: ClusterFirst}", false},
		{"{dnsPolicy: ClusterFirstWithHostNet, hostNetwork: true}", false},
		{"{dnsPolicy: Default}", true},
		{"{dnsPolicy: None, dnsConfig: {nameservers: [10.0.0.1]}}", true},
		{"{dnsConfig: {options: [{name: ndots, value: '2'}], nameservers: [10.0.0.1]}}", false},
		{"{dnsConfig: {searches: []}}", false},
		{"{dnsConfig: {searches: [corp.example]}}", true},
		{"{dnsConfig: null}", false},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct decoded d;
		snprintf(text, sizeof text, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: %s\n", rows[i].spec);
		decode_text(&d, text, false);
		assert_string_equal(d.problems.data, "");
		assert_int_equal(((const struct pod_object *)d.objects[0])->own_search, rows[i].own);
		decoded_fini(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(pods_with_a_search_list_of_their_own)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
