/*
 * Inside of nft/: the pieces that the ruleset's chains are made of, and what is being built. Main thread.
 */
#ifndef NFT_BUILD_H
#define NFT_BUILD_H

#include "nft/names.h"
#include "nft/ruleset_config.h"
#include "nft/ruleset_objects.h"

struct build {
	const struct ruleset_config *config;
	const char *table;
	struct ruleset *out;
	int family;
	uint32_t largest;  /* pool */
	const char *chain; /* that rules go to; borrowed */
};

struct nftnl_chain *build_chain(struct build *b, const char *name); /* starts a chain */
struct nftnl_rule *build_rule(struct build *b);			    /* the next rule of that chain */
void build_goto(struct build *b, const char *chain);		    /* as a rule of its own */
void build_jump(struct build *b, const char *chain);
/* Starts a base chain of type nat; hook and priority as in <linux/netfilter.h>. */
void build_base_chain(struct build *b, const char *name, uint32_t hook, int32_t priority);
/* The same of type filter, before connection tracking. */
void build_raw_chain(struct build *b, const char *name, uint32_t hook);
void build_goto_by_family(struct build *b, const char *kind); /* two rules; b->family is IPv6 afterwards */
/* A verdict for connections that were not translated. */
void build_unless_translated(struct build *b, int verdict, const char *chain);

const char *build_set_name(const struct build *b, enum set_id set, char name[NAME_BYTES]);
char build_digit(const struct build *b); /* of the family, in names: '4' or '6' */
const char *build_family_name(const struct build *b, const char *kind, char name[NAME_BYTES]);

/* Registers of a key: one for an IPv4 address or a small field, four for an IPv6 address. */
uint32_t build_addr_regs(const struct build *b);
/* daddr . l4proto . dport from register `at` on, as they are or as they were before NAT; returns the next free one. */
uint32_t build_load_frontend(struct build *b, struct nftnl_rule *r, uint32_t at);
uint32_t build_load_original_frontend(struct build *b, struct nftnl_rule *r, uint32_t at);
/* Does what a verdict map says of the frontend. */
void build_vmap(struct build *b, struct nftnl_rule *r, enum set_id map);

/* `chain` for each verdict of that kind: session affinity or not, every size, and Maglev. */
void build_kind(struct build *b, enum verdict_kind kind, void (*chain)(struct build *, const struct verdict *));

#endif
