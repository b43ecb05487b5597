/* Frees the objects of a ruleset. */
#include "nft/ruleset_objects.h"

#include <stdlib.h>

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>

void ruleset_fini(struct ruleset *r)
{
	for (size_t i = 0; i < r->set_count; i++)
		nftnl_set_free(r->sets[i]);
	for (size_t i = 0; i < r->chain_count; i++)
		nftnl_chain_free(r->chains[i]);
	for (size_t i = 0; i < r->rule_count; i++)
		nftnl_rule_free(r->rules[i]);
	free(r->sets);
	free(r->chains);
	free(r->rules);
	*r = (struct ruleset){0};
}
