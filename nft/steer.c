/* Makes the table that keeps DNS queries to this host away from connection tracking. */
#include "nft/steer.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include "base/mem.h"
#include "base/own_mark.h"
#include "nft/build.h"
#include "nft/rule.h"
#include "nft/session.h"
#include "nft/sets.h"

#define STEER_TABLE_BYTES (NFT_TABLE_BYTES_MAX + 16)

static const int families[] = {AF_INET, AF_INET6};
static const char *const suffixes[] = {"-dns", "-dns-next"};

struct steer {
	struct session session;
	char base[NFT_TABLE_BYTES_MAX + 1];
	char table[STEER_TABLE_BYTES];
	bool made;
	struct addr addrs[STEER_ADDRS_MAX]; /* in the sets of replies */
	size_t addr_count;
};

/* ---- the ruleset ---- */

static const char *set_name(const char *kind, int family, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%s%c", kind, family == AF_INET ? '4' : '6');
	return name;
}

/* source: the packet's source, else its destination. */
static void put_notrack(struct build *b, const char *kind, bool source)
{
	char name[NAME_BYTES];

	for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
		struct nftnl_rule *r = build_rule(b);
		b->family = families[f];
		const uint32_t next = build_addr_regs(b);
		rule_family(r, b->family);
		if (source)
			rule_saddr(r, b->family, REG(0u));
		else
			rule_daddr(r, b->family, REG(0u));
		rule_l4proto(r, REG(next));
		if (source)
			rule_sport(r, REG(next + 1));
		else
			rule_dport(r, REG(next + 1));
		rule_in_set(r, REG(0u), set_name(kind, b->family, name), false);
		rule_notrack(r);
	}
}

static void build_all(const char *table, struct ruleset *out)
{
	struct build b = {.table = table, .out = out};
	char name[NAME_BYTES];

	for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
		sets_build_frontends(table, set_name("steered", families[f], name), families[f], NFT_SET_TIMEOUT, out);
		sets_build_frontends(table, set_name("replies", families[f], name), families[f], 0, out);
	}
	build_raw_chain(&b, "prerouting", NF_INET_PRE_ROUTING);
	put_notrack(&b, "steered", false);
	build_raw_chain(&b, "output", NF_INET_LOCAL_OUT);
	put_notrack(&b, "replies", true);
	/* What the daemon forwards to that address is for the Service's endpoints. */
	struct nftnl_rule *r = build_rule(&b);
	rule_mark_is(r, SOCK_OWN_MARK);
	rule_verdict(r, NF_ACCEPT, NULL);
	put_notrack(&b, "steered", false);
}

static void put_table(struct steer *s)
{
	struct ruleset rules = {0};

	build_all(s->table, &rules);
	batch_table_owned(&s->session.batch, s->table);
	batch_ruleset(&s->session.batch, &rules);
	ruleset_fini(&rules);
}

/* ---- elements ---- */

static void put_elements(struct steer *s, const char *kind, int family, const struct addr *addrs, size_t count,
			 uint64_t ttl_ms)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP};
	struct nftnl_set *set = mem_made(nftnl_set_alloc());
	const uint8_t port[] = {STEER_PORT >> 8, STEER_PORT & 0xff};
	const size_t bytes = family == AF_INET ? 4 : 16;
	char name[NAME_BYTES];

	nftnl_set_set_str(set, NFTNL_SET_TABLE, s->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, set_name(kind, family, name));
	for (size_t i = 0; i < count * sizeof protos; i++) {
		const struct addr *a = &addrs[i / sizeof protos];
		uint8_t key[24] = {0};
		if (a->family != family)
			continue;
		memcpy(key, a->bytes, bytes);
		key[bytes] = protos[i % sizeof protos];
		memcpy(key + bytes + 4, port, sizeof port);
		struct nftnl_set_elem *e = mem_made(nftnl_set_elem_alloc());
		nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, (uint32_t)bytes + 8);
		if (ttl_ms != 0)
			nftnl_set_elem_set_u64(e, NFTNL_SET_ELEM_TIMEOUT, ttl_ms);
		nftnl_set_elem_add(set, e);
	}
	batch_set_replace(&s->session.batch, set);
	nftnl_set_free(set);
}

static bool same_addrs(const struct steer *s, const struct addr *addrs, size_t count)
{
	return s->made && count == s->addr_count && (count == 0 || memcmp(addrs, s->addrs, count * sizeof *addrs) == 0);
}

/* Before Linux 6.12 the time of an element cannot be set anew: it is deleted and added in one transaction. */
static int send_elements(struct steer *s, const struct addr *addrs, size_t count, uint64_t ttl_ms)
{
	const bool same = same_addrs(s, addrs, count);

	for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
		put_elements(s, "steered", families[f], addrs, ttl_ms == 0 ? 0 : count, ttl_ms);
		if (!same)
			put_elements(s, "replies", families[f], addrs, count, 0);
	}
	int error = session_commit(&s->session);
	if (error != 0)
		return error;
	s->made = true;
	if (count > 0)
		memcpy(s->addrs, addrs, count * sizeof *addrs);
	s->addr_count = count;
	return 0;
}

/* ---- the table ---- */

static void name_table(struct steer *s, size_t which)
{
	snprintf(s->table, sizeof s->table, "%s%s", s->base, suffixes[which]);
}

/* Where the name is taken by a running process (EPERM), the other one is free. What has no owner is in the way. */
static int table_make(struct steer *s, const struct addr *addrs, size_t count, uint64_t ttl_ms)
{
	int error = 0;

	for (size_t which = 0; which < sizeof suffixes / sizeof *suffixes; which++) {
		name_table(s, which);
		session_begin(&s->session);
		batch_table(&s->session.batch, false, s->table, NULL);
		error = session_commit(&s->session);
		if (error != 0 && error != -ENOENT)
			continue;
		session_begin(&s->session);
		put_table(s);
		return send_elements(s, addrs, count, ttl_ms);
	}
	return error;
}

struct steer *steer_open(const char *table, const char **error)
{
	struct steer *s = mem_alloc(sizeof *s);

	snprintf(s->base, sizeof s->base, "%s", table);
	name_table(s, 0);
	if (session_open(&s->session, s->table, error) == 0)
		return s;
	steer_close(s);
	return NULL;
}

void steer_close(struct steer *s)
{
	if (s == NULL)
		return;
	session_close(&s->session);
	free(s);
}

const char *steer_error(const struct steer *s)
{
	return s->session.error;
}

int steer_probe(struct steer *s)
{
	char probe[STEER_TABLE_BYTES];
	int error;

	snprintf(probe, sizeof probe, "%s", s->table);
	snprintf(s->table, sizeof s->table, "%s-dns-probe", s->base);
	session_begin(&s->session);
	put_table(s);
	error = session_try(&s->session);
	snprintf(s->table, sizeof s->table, "%s", probe);
	return error;
}

int steer_set(struct steer *s, const struct addr *addrs, size_t count, uint64_t ttl_ms)
{
	int error;

	if (s->made) {
		session_begin(&s->session);
		error = send_elements(s, addrs, count, ttl_ms);
		if (error == 0)
			return 0;
		s->made = false; /* it is not as we left it */
	}
	return table_make(s, addrs, count, ttl_ms);
}
