/* Makes the table that keeps DNS queries to this host away from connection tracking. */
#include "nft/steer.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libnftnl/chain.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include "base/mem.h"
#include "base/own_mark.h"
#include "base/sock.h"
#include "netlink/netlink.h"
#include "nft/build.h"
#include "nft/rule.h"
#include "nft/session.h"
#include "nft/sets.h"

#define STEER_TABLE_BYTES (NFT_TABLE_BYTES_MAX + 16)

static const int families[] = {AF_INET, AF_INET6};
/* By table: else one would drop the renewals of the other. */
static const char *const suffixes[] = {"-dns", "-dns-next"};
static const uint16_t renewal_ports[] = {9, 10};

struct steer {
	struct session session;
	char base[NFT_TABLE_BYTES_MAX + 1];
	char table[STEER_TABLE_BYTES];
	uint16_t renewal_port;
	int renewals[2]; /* sockets by family; -1: none */
	bool made;
	struct addr addrs[STEER_ADDRS_MAX];
	size_t addr_count;
};

/* ---- the ruleset ---- */

static const char *set_name(const char *kind, int family, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%s%c", kind, family == AF_INET ? '4' : '6');
	return name;
}

/* A rule for packets of the family whose address (source, else destination) is in the set. */
static struct nftnl_rule *address_rule(struct build *b, const char *kind, bool source)
{
	struct nftnl_rule *r = build_rule(b);
	char name[NAME_BYTES];

	rule_family(r, b->family);
	if (source)
		rule_saddr(r, b->family, REG(0u));
	else
		rule_daddr(r, b->family, REG(0u));
	rule_in_set(r, REG(0u), set_name(kind, b->family, name), false);
	return r;
}

static void put_notrack(struct build *b, const char *kind, bool source)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP};

	for (size_t i = 0; i < 2 * sizeof protos; i++) {
		b->family = families[i / sizeof protos];
		struct nftnl_rule *r = address_rule(b, kind, source);
		rule_port_is(r, protos[i % sizeof protos], source, STEER_PORT);
		rule_notrack(r);
	}
}

static void put_renewal(struct build *b, uint16_t port)
{
	char name[NAME_BYTES];

	for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
		b->family = families[f];
		struct nftnl_rule *r = build_rule(b);
		rule_mark_is(r, SOCK_OWN_MARK);
		rule_family(r, b->family);
		rule_port_is(r, IPPROTO_UDP, false, port);
		rule_daddr(r, b->family, REG(0u));
		rule_in_set(r, REG(0u), set_name("addresses", b->family, name), false);
		rule_update_set(r, set_name("steered", b->family, name), REG(0u), STEER_TTL_MS);
		rule_verdict(r, NF_DROP, NULL);
	}
}

static void build_all(const struct steer *s, struct ruleset *out)
{
	struct build b = {.table = s->table, .out = out};
	char name[NAME_BYTES];

	for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
		sets_build_addresses(s->table, set_name("steered", families[f], name), families[f],
				     NFT_SET_TIMEOUT | NFT_SET_EVAL, out);
		sets_build_addresses(s->table, set_name("addresses", families[f], name), families[f], 0, out);
	}
	build_raw_chain(&b, "prerouting", NF_INET_PRE_ROUTING);
	put_notrack(&b, "steered", false);
	build_raw_chain(&b, "output", NF_INET_LOCAL_OUT);
	put_renewal(&b, s->renewal_port);
	put_notrack(&b, "addresses", true);
	/* What the daemon forwards to that address is for the Service's endpoints. */
	struct nftnl_rule *r = build_rule(&b);
	rule_mark_is(r, SOCK_OWN_MARK);
	rule_verdict(r, NF_ACCEPT, NULL);
	put_notrack(&b, "steered", false);
}

static void put_table(struct steer *s)
{
	struct ruleset rules = {0};

	build_all(s, &rules);
	batch_table_owned(&s->session.batch, s->table);
	batch_ruleset(&s->session.batch, &rules);
	ruleset_fini(&rules);
}

/* ---- elements ---- */

static void put_elements(struct steer *s, const char *kind, int family, const struct addr *addrs, size_t count)
{
	struct nftnl_set *set = mem_made(nftnl_set_alloc());
	char name[NAME_BYTES];

	nftnl_set_set_str(set, NFTNL_SET_TABLE, s->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, set_name(kind, family, name));
	for (size_t i = 0; i < count; i++) {
		if (addrs[i].family != family)
			continue;
		struct nftnl_set_elem *e = mem_made(nftnl_set_elem_alloc());
		nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, addrs[i].bytes, (uint32_t)addr_bytes(&addrs[i]));
		nftnl_set_elem_add(set, e);
	}
	batch_set_replace(&s->session.batch, set);
	nftnl_set_free(set);
}

static int send_elements(struct steer *s, const struct addr *addrs, size_t count)
{
	for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
		put_elements(s, "steered", families[f], NULL, 0);
		put_elements(s, "addresses", families[f], addrs, count);
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
	s->renewal_port = renewal_ports[which];
}

/* Where the name is taken by a running process (EPERM), the other one is free. What has no owner is in the way. */
static int table_make(struct steer *s, const struct addr *addrs, size_t count)
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
		return send_elements(s, addrs, count);
	}
	return error;
}

static int renewal_socket(int family)
{
	const uint32_t mark = SOCK_OWN_MARK;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0)
		return fd;
	close(fd);
	return -1;
}

struct steer *steer_open(const char *table, const char **error)
{
	struct steer *s = mem_alloc(sizeof *s);

	snprintf(s->base, sizeof s->base, "%s", table);
	name_table(s, 0);
	for (size_t f = 0; f < sizeof families / sizeof *families; f++)
		s->renewals[f] = renewal_socket(families[f]);
	if (session_open(&s->session, s->table, error) < 0) {
		steer_close(s);
		return NULL;
	}
	s->session.socket = netlink_close_first(s->session.socket); /* a killed process steers nothing any more */
	return s;
}

void steer_close(struct steer *s)
{
	if (s == NULL)
		return;
	session_close(&s->session);
	for (size_t f = 0; f < sizeof families / sizeof *families; f++)
		if (s->renewals[f] >= 0)
			close(s->renewals[f]);
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

int steer_set(struct steer *s, const struct addr *addrs, size_t count)
{
	if (s->made && count == s->addr_count && (count == 0 || memcmp(addrs, s->addrs, count * sizeof *addrs) == 0))
		return 0;
	if (s->made) {
		session_begin(&s->session);
		if (send_elements(s, addrs, count) == 0)
			return 0;
		s->made = false; /* it is not as we left it */
	}
	return table_make(s, addrs, count);
}

/* The rule drops it, which the socket tells (EPERM). One that is sent has met no such rule. */
static bool renew_one(const struct steer *s, const struct addr *addr)
{
	struct sockaddr_storage to;
	const socklen_t bytes = sock_address(&to, addr, s->renewal_port);

	return sendto(s->renewals[addr->family == AF_INET6], "", 0, 0, (struct sockaddr *)&to, bytes) < 0 &&
	       errno == EPERM;
}

int steer_renew(struct steer *s)
{
	for (size_t i = 0; i < s->addr_count; i++)
		if (!renew_one(s, &s->addrs[i])) {
			s->made = false;
			return session_fail(&s->session, ENOENT, "table %s: renewal of an address", s->table);
		}
	return 0;
}

int steer_end(struct steer *s)
{
	if (!s->made)
		return 0;
	session_begin(&s->session);
	return send_elements(s, s->addrs, s->addr_count);
}
