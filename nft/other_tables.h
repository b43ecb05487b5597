/*
 * Rules and policies of other tables that drop the first packet of a connection, before or after our own table has
 * translated it. Chains of the families inet, ip and ip6 on the five hooks; what iptables-legacy holds is not seen.
 * Reads everything once, up to OTHER_RULES_MAX rules. Main thread.
 */
#ifndef NFT_OTHER_TABLES_H
#define NFT_OTHER_TABLES_H

#include "nft/rule_match.h"

#define OTHER_RULES_MAX 20000u

enum other_hook { /* bits */
		  OTHER_PREROUTING = 1 << 0,
		  OTHER_INPUT = 1 << 1,
		  OTHER_FORWARD = 1 << 2,
		  OTHER_OUTPUT = 1 << 3,
		  OTHER_POSTROUTING = 1 << 4
};

struct other_question {
	const char *ours;		   /* our table's name */
	struct match_packet before, after; /* translation */
	unsigned hooks;			   /* that the packet passes: enum other_hook */
};

/* chain: "table ip filter, chain forward, hook forward"; rule: what drops. Texts live during the call. */
typedef void other_drop_fn(void *ctx, const char *chain, const char *rule, bool certain);

/* 0 or -errno. */
int other_tables_drops(const struct other_question *q, other_drop_fn *each, void *ctx);

#endif
