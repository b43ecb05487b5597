/* kubelet's own unit tests of resolv.conf (tests/vectors/dns.json, kubelet_resolv_conf). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/resolver/pod_dns.h"
#include "tests/unit/load.h"
#include "watch/decode/json.h"

static struct arena *arena;
static const struct value *cases;

static int setup(void **state)
{
	size_t length, error_at;
	char *text = read_text("../vectors/dns.json", &length);

	(void)state;
	arena = arena_new(1 << 16);
	const struct value *root = json_parse(text, length, arena, &error_at);
	free(text);
	cases = value_get(root, "kubelet_resolv_conf");
	return cases != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static const struct value *rows(const char *group)
{
	const struct value *list = value_get(value_get(cases, group), "rows");

	assert_true(list != NULL && list->count != 0);
	return list->first;
}

static struct text_list list_of(const struct value *v)
{
	struct text_list list = {0};

	for (const struct value *i = v != NULL ? v->first : NULL; i != NULL; i = i->next)
		text_list_add(arena, &list, i->text);
	return list;
}

static bool flag(const struct value *row, const char *key)
{
	const struct value *v = value_get(row, key);

	return v != NULL && v->boolean;
}

static const char *text(const struct value *row, const char *key)
{
	const struct value *v = value_get(row, key);

	return v != NULL ? v->text : "";
}

/* Placeholders of the vectors: <ns>, <host domain> and <host ns> stand for themselves. */
static void assert_list(const struct text_list *got, const struct value *wanted)
{
	size_t i = 0;

	assert_non_null(wanted);
	assert_int_equal(got->count, wanted->count);
	for (const struct value *w = wanted->first; w != NULL; w = w->next)
		assert_string_equal(got->items[i++], w->text);
}

static void assert_set(const struct text_list *got, const struct value *wanted)
{
	assert_int_equal(got->count, wanted->count);
	for (const struct value *w = wanted->first; w != NULL; w = w->next) {
		size_t i = 0;
		while (i < got->count && strcmp(got->items[i], w->text) != 0)
			i++;
		assert_in_range(i, 0, got->count - 1);
	}
}

static void test_parse(void **state)
{
	(void)state;
	for (const struct value *row = rows("parse_resolv_conf"); row != NULL; row = row->next) {
		const char *error = "", *data = text(row, "data");
		struct resolv_conf c;
		bool good = resolv_conf_parse(arena, data, strlen(data), &c, &error);
		assert_int_equal(good, !flag(row, "error"));
		if (!good)
			continue;
		assert_list(&c.nameservers, value_get(row, "nameservers"));
		assert_list(&c.searches, value_get(row, "searches"));
		assert_set(&c.options, value_get(row, "options_as_set"));
	}
}

static void test_errors_name_the_line(void **state)
{
	static const char file[] = "search a\n\nnameserver\n";
	const char *error = "";
	struct resolv_conf c;

	(void)state;
	assert_false(resolv_conf_parse(arena, file, strlen(file), &c, &error));
	assert_string_equal(error, "line 3: nameserver without an address");
}

static void limit(const struct value *row, bool searches)
{
	struct resolv_conf c = {0};
	struct text_list *list = searches ? &c.searches : &c.nameservers;
	struct buf warnings = {0};

	*list = list_of(value_get(row, "in"));
	resolv_conf_limit(&c, &warnings);
	assert_list(list, value_get(row, "out"));
	assert_int_equal(warnings.length_bytes != 0, flag(row, "event"));
	buf_fini(&warnings);
}

static void test_limits(void **state)
{
	(void)state;
	for (const struct value *row = rows("search_limits"); row != NULL; row = row->next)
		limit(row, true);
	for (const struct value *row = rows("nameserver_limits"); row != NULL; row = row->next)
		limit(row, false);
}

static void test_options_merge(void **state)
{
	(void)state;
	for (const struct value *row = rows("merge_options"); row != NULL; row = row->next) {
		struct text_list list = list_of(value_get(row, "existing")), pod = {0};
		const struct value *more = value_get(row, "pod");
		for (const struct value *o = more != NULL ? more->first : NULL; o != NULL; o = o->next)
			text_list_add(arena, &pod,
				      value_get(o, "value") != NULL
					      ? arena_printf(arena, "%s:%s", text(o, "name"), text(o, "value"))
					      : text(o, "name"));
		resolv_options_merge(arena, &list, &pod);
		assert_set(&list, value_get(row, "out_as_set"));
	}
}

static enum dns_policy policy_of(const char *word)
{
	static const char *const words[] = {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"};

	for (size_t i = 0; i < 4; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum dns_policy)i;
	fail_msg("%s is no policy", word);
	return POLICY_NONE;
}

static const char *const host_domain = "<host domain>", *const host_server = "<host ns>";

static struct resolv_conf make(const struct value *row, const struct value *like, struct buf *warnings)
{
	const struct value *pod = value_get(like, "dnsConfig");
	struct resolv_conf node = {0}, config = {0};

	text_list_add(arena, &node.searches, host_domain);
	text_list_add(arena, &node.nameservers, host_server);
	if (pod != NULL)
		config = (struct resolv_conf){list_of(value_get(pod, "nameservers")),
					      list_of(value_get(pod, "searches")), list_of(value_get(pod, "options"))};
	const struct pod_dns_input in = {.policy = policy_of(text(row, "policy")),
					 .host_network = flag(row, "hostNetwork"),
					 .ns = value_get(like, "namespace") != NULL ? text(like, "namespace") : "<ns>",
					 .domain = text(like, "clusterDomain"),
					 .cluster_dns = list_of(value_get(like, "clusterDNS")),
					 .node = value_get(row, "resolverConfig") != NULL ? NULL : &node,
					 .pod = pod != NULL ? &config : NULL};
	return pod_dns_make(arena, &in, warnings);
}

static void test_policies(void **state)
{
	const struct value *like = NULL;
	int count = 0;

	(void)state;
	for (const struct value *row = rows("pod_dns"); row != NULL; row = row->next, count++) {
		struct buf warnings = {0};
		if (value_get(row, "same_as") == NULL)
			like = row;
		const struct resolv_conf c = make(row, like, &warnings);
		assert_list(&c.nameservers, value_get(like, "servers"));
		if (value_get(like, "searches") != NULL)
			assert_list(&c.searches, value_get(like, "searches"));
		else
			assert_string_equal(c.searches.items[0], text(like, "first_search"));
		if (value_get(like, "options") != NULL)
			assert_set(&c.options, value_get(like, "options"));
		assert_int_equal(warnings.length_bytes, 0);
	}
	assert_int_equal(count, 8);
}

static void test_without_cluster_dns(void **state)
{
	struct resolv_conf node = {0};
	struct buf warnings = {0}, out = {0};

	(void)state;
	text_list_add(arena, &node.nameservers, "192.0.2.1");
	const struct pod_dns_input in = {.policy = POLICY_CLUSTER_FIRST, .ns = "a", .domain = "b", .node = &node};
	const struct resolv_conf c = pod_dns_make(arena, &in, &warnings);
	resolv_conf_format(&c, &out);
	assert_string_equal(out.data, "nameserver 192.0.2.1\n");
	assert_non_null(strstr(warnings.data, "Falling back to \"Default\""));
	buf_fini(&warnings);
	buf_fini(&out);
}

static void test_format(void **state)
{
	static const char file[] = "nameserver 10.96.0.10\nsearch corp.example.\noptions ndots:2 edns0\n";
	struct resolv_conf node;
	const char *error;
	struct buf warnings = {0}, out = {0};
	struct text_list dns = {0};

	(void)state;
	assert_true(resolv_conf_parse(arena, file, strlen(file), &node, &error));
	text_list_add(arena, &dns, "10.96.0.10");
	const struct pod_dns_input in = {.ns = "test-1", .domain = "cluster.local", .cluster_dns = dns, .node = &node};
	const struct resolv_conf c = pod_dns_make(arena, &in, &warnings);
	resolv_conf_format(&c, &out);
	assert_string_equal(out.data, "search test-1.svc.cluster.local svc.cluster.local cluster.local corp.example\n"
				      "nameserver 10.96.0.10\noptions ndots:5\n");
	buf_fini(&out);
	buf_fini(&warnings);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	 cmocka_unit_test(test_errors_name_the_line),
		cmocka_unit_test(test_limits),	 cmocka_unit_test(test_options_merge),
		cmocka_unit_test(test_policies), cmocka_unit_test(test_without_cluster_dns),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
