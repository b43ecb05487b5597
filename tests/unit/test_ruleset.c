/* What the kernel's check of all chains makes of the rules: see build_by_source in nft/ruleset.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "nft/rule.h"
#include "nft/ruleset.h"

static bool follows_verdict_map(const struct nftnl_rule *r)
{
	struct nftnl_expr_iter *exprs = nftnl_expr_iter_create(r);
	struct nftnl_expr *e;
	bool does = false;

	while ((e = nftnl_expr_iter_next(exprs)) != NULL) {
		const char *kind = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);

		if (strcmp(kind, "lookup") == 0 && nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG))
			does |= nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_DREG) == REG_VERDICT;
	}
	nftnl_expr_iter_destroy(exprs);
	return does;
}

static int find_target(struct nftnl_expr *e, void *ctx)
{
	const char **chain = ctx;

	if (strcmp(nftnl_expr_get_str(e, NFTNL_EXPR_NAME), "immediate") == 0 &&
	    nftnl_expr_is_set(e, NFTNL_EXPR_IMM_CHAIN))
		*chain = nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN);
	return 0;
}

static const char *rule_target(struct nftnl_rule *r)
{
	const char *chain = NULL;

	nftnl_expr_foreach(r, find_target, &chain);
	return chain;
}

/* Chains that follow a map of verdicts. */
static bool follows(const char *chain)
{
	static const char *const names[] = {"services4",  "services6",	      "by-source4",
					    "by-source6", "affinity-record4", "affinity-record6"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], chain) == 0)
			return true;
	return false;
}

/* Only base chains lead to a map of verdicts; no element of one does, whichever chain it goes to. */
static void no_verdict_map_behind_another(void **state)
{
	const struct cidr pods = {.addr = {.family = AF_INET, .bytes = {10, 244}}, .prefix = 16};
	const struct ruleset_config s = {
		.masquerade_bit = 14, .detector = DETECT_POD_CIDRS, .pod_cidrs = &pods, .pod_cidr_count = 1};
	struct ruleset body = {0}, hooks = {0};
	unsigned maps = 0;

	(void)state;
	ruleset_build(&s, "fairlead", &body, &hooks);
	for (size_t i = 0; i < body.rule_count; i++) {
		const char *chain = nftnl_rule_get_str(body.rules[i], NFTNL_RULE_CHAIN);
		const char *to = rule_target(body.rules[i]);
		bool map = follows_verdict_map(body.rules[i]);

		if (map && !follows(chain))
			fail_msg("%s follows a map of verdicts", chain);
		if (to != NULL && follows(to))
			fail_msg("%s leads to %s", chain, to);
		maps += map;
	}
	assert_in_range(maps, 2 * 4, 2 * 16);
	for (size_t i = 0; i < hooks.rule_count; i++)
		assert_false(follows_verdict_map(hooks.rules[i]));
	ruleset_fini(&body);
	ruleset_fini(&hooks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_verdict_map_behind_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
