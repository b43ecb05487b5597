/*
 * What rules of other tables do with the first packet of a connection: reads what libnftnl parsed, in three values, for
 * a rule may look at what is not known here (interfaces, sets, limits). Pure. Main thread.
 */
#ifndef NFT_RULE_MATCH_H
#define NFT_RULE_MATCH_H

#include "base/addr.h"

struct nftnl_rule;

struct match_packet {
	struct addr from; /* family 0: not known */
	struct addr to;	  /* tells the family */
	uint8_t proto;
	uint16_t to_port;
};

enum match { MATCH_NO, MATCH_MAYBE, MATCH_YES };
enum match_verdict { MATCH_CONTINUE, MATCH_ACCEPT, MATCH_DROP /* reject, too */, MATCH_JUMP, MATCH_GOTO, MATCH_RETURN };

struct match_result {
	enum match match;
	enum match_verdict verdict;
	const char *chain; /* of MATCH_JUMP, MATCH_GOTO: the rule's own */
};

struct match_result rule_match(const struct nftnl_rule *rule, const struct match_packet *p);

#endif
