/*
 * Private to nft/: the rules of session affinity. The chain affinity-record is always there; affinity-record-T and the
 * hooks come and go with the elements of SET_AFFINITY_FRONTENDS (nft/affinity.h). Main thread.
 */
#ifndef NFT_AFFINITY_RULES_H
#define NFT_AFFINITY_RULES_H

#include "nft/build.h"

void affinity_rules_build(struct build *b); /* for b->family */
/* Adds the chain that records a client for `timeout_s` seconds. */
void affinity_rules_record(const char *table, int family, uint32_t timeout_s, struct ruleset *out);
/* The base chains that lead a new connection to SET_AFFINITY_FRONTENDS. */
void affinity_rules_hooks(const char *table, struct ruleset *out);

#endif
