/*
 * Building one nf_tables rule, expression by expression, in the order the packet meets them. A rule borrows nothing.
 * Registers: REG(n) is the n-th 32-bit register; an IPv4 address or a smaller field takes one, an IPv6 address four.
 * A register is only good inside its rule. Main thread.
 */
#ifndef NFT_RULE_H
#define NFT_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

struct nftnl_rule;

#define REG_VERDICT 0u
/* As the kernel reports them: each fourth under its name from before there were 32-bit registers. */
#define REG(n) ((n) % 4 == 0 ? 1u + (n) / 4 : 8u + (n))

struct nftnl_rule *rule_new(const char *table, const char *chain);

/* Fields of the packet. */
void rule_family(struct nftnl_rule *r, int family);		      /* matches when the packet is of `family` */
void rule_nfproto(struct nftnl_rule *r, uint32_t reg);		      /* load */
void rule_saddr(struct nftnl_rule *r, int family, uint32_t reg);      /* load */
void rule_daddr(struct nftnl_rule *r, int family, uint32_t reg);      /* load */
void rule_addr_byte(struct nftnl_rule *r, uint32_t at, uint32_t reg); /* load one byte of the network header */
void rule_l4proto(struct nftnl_rule *r, uint32_t reg);
void rule_dport(struct nftnl_rule *r, uint32_t reg);
void rule_original_daddr(struct nftnl_rule *r, int family, uint32_t reg); /* before NAT */
void rule_original_dport(struct nftnl_rule *r, uint32_t reg);
void rule_random(struct nftnl_rule *r, uint32_t modulus, uint32_t reg);
/* Hash of the address that was loaded to `from` (4 or 16 bytes). */
void rule_hash(struct nftnl_rule *r, uint32_t from, uint32_t bytes, uint32_t modulus, uint32_t reg);

/* Matches: the rule ends where one fails. */
void rule_in_range(struct nftnl_rule *r, const struct cidr *range, bool equal); /* the address in REG(0) */
void rule_input_interface(struct nftnl_rule *r, const char *name, bool prefix, bool equal);
void rule_from_node(struct nftnl_rule *r);	/* no input interface: sent by this host */
void rule_leaving(struct nftnl_rule *r);	/* does not stay on this host: not by the loopback interface */
void rule_not_translated(struct nftnl_rule *r); /* no destination NAT on this connection */
void rule_mark_set(struct nftnl_rule *r, uint32_t bit);
void rule_mark_is(struct nftnl_rule *r, uint32_t mark);
void rule_port_is(struct nftnl_rule *r, uint8_t proto, bool source, uint16_t port);
void rule_known_flow(struct nftnl_rule *r); /* ct state established, related: no new connection */
void rule_in_set(struct nftnl_rule *r, uint32_t key, const char *set, bool inverted);

/* Actions. */
void rule_lookup(struct nftnl_rule *r, uint32_t key, const char *map, uint32_t to); /* REG_VERDICT: follow it */
void rule_add_mark(struct nftnl_rule *r, uint32_t bit);
void rule_clear_mark(struct nftnl_rule *r, uint32_t bit);
void rule_dnat(struct nftnl_rule *r, int family, uint32_t addr, uint32_t port);
void rule_masquerade(struct nftnl_rule *r);
void rule_notrack(struct nftnl_rule *r);				 /* no conntrack entry, no NAT */
void rule_refuse(struct nftnl_rule *r);					 /* ICMP: port unreachable */
void rule_reset_tcp(struct nftnl_rule *r);				 /* matches TCP; answers RST */
void rule_verdict(struct nftnl_rule *r, int verdict, const char *chain); /* chain: for NFT_GOTO and NFT_JUMP */
void rule_update_set(struct nftnl_rule *r, const char *set, uint32_t key, uint64_t timeout_ms);
void rule_update(struct nftnl_rule *r, const char *map, uint32_t key, uint32_t data, uint64_t timeout_ms);

#endif
