/* What this host's kernel says: our table, other tables, connections, routes, sysctls. */
#include "cli/explain/gather.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/read_file.h"
#include "netlink/conntrack.h"
#include "netlink/host_addresses.h"
#include "nft/nft.h"
#include "nft/other_tables.h"
#include "cli/explain/gather_routes.h"

#define FLOWS_MAX 200
#define DROPS_MAX 8
#define WRONG_MAX 8

/* ---- addresses and sysctls ---- */

static void gather_host(struct facts *f)
{
	const char *error;
	struct hostaddr *h = hostaddr_open(&error);
	size_t count;

	if (h == NULL)
		return;
	const struct addr *addrs = hostaddr_list(h, &count);
	f->kernel.host.items = arena_array(f->arena, count + 1, sizeof *f->kernel.host.items);
	memcpy(f->kernel.host.items, addrs, count * sizeof *addrs);
	f->kernel.host.count = count;
	const struct cidr *networks = hostaddr_networks(h, &count);
	f->kernel.networks.items = arena_array(f->arena, count + 1, sizeof *f->kernel.networks.items);
	memcpy(f->kernel.networks.items, networks, count * sizeof *networks);
	f->kernel.networks.count = count;
	hostaddr_close(h);
	f->client.on_host = f->client.addr.family != 0 && facts_is_host(f, &f->client.addr);
}

static void gather_forwarding(struct facts *f)
{
	int64_t value;

	f->kernel.forwarding[0] = gather_sysctl("/proc/sys/net/ipv4/ip_forward", &value) ? value != 0 : -1;
	f->kernel.forwarding[1] = gather_sysctl("/proc/sys/net/ipv6/conf/all/forwarding", &value) ? value != 0 : -1;
}

/* ---- our table ---- */

static bool is_asked(const struct facts *f, const struct facts_element *e)
{
	const struct facts_frontend *one;
	size_t at = 0;

	while ((one = facts_next_frontend(f, &at)) != NULL)
		if (one->owner == NULL && addr_equal(&one->addr, &e->addr) &&
		    (e->port == 0 || (one->port == e->port && one->proto == e->proto)))
			return true;
	return false;
}

static void compare_element(struct facts *f, struct nft *nft, const struct facts_element *want)
{
	struct element e = {
		.set = want->set, .daddr = want->addr, .proto = want->proto, .port = want->port, .slot = want->slot};
	struct facts_kernel *k = &f->kernel;
	char text[ELEMENT_TEXT_BYTES];
	int failed = nft_get(nft, &e);

	k->compared++;
	if (failed == 0 && strcmp(element_format(&e, text), want->text) == 0)
		return;
	if (k->wrong_count < WRONG_MAX)
		k->wrong[k->wrong_count] = failed == -ENOENT ? arena_printf(f->arena, "missing: %s", want->text)
					   : failed != 0 ? arena_printf(f->arena, "%s: %s", want->text, nft_error(nft))
							 : arena_printf(f->arena, "%s instead of %s", text, want->text);
	k->wrong_count++;
}

static void gather_elements(struct facts *f, struct nft *nft)
{
	const struct facts_service *s = f->service_count != 0 ? &f->services[0] : NULL;

	f->kernel.wrong = arena_array(f->arena, WRONG_MAX, sizeof *f->kernel.wrong);
	for (size_t i = 0; s != NULL && i < s->element_count; i++)
		if (is_asked(f, &s->elements[i]))
			compare_element(f, nft, &s->elements[i]);
}

static void gather_table(struct facts *f)
{
	const struct ruleset_config ruleset = {.table = f->daemon.table};
	const char *error = "";
	struct nft *nft = f->daemon.proxy ? nft_open(&ruleset, &error) : NULL;

	if (nft == NULL)
		return;
	f->kernel.known = true;
	gather_elements(f, nft);
	nft_close(nft);
}

/* ---- connections ---- */

struct flows {
	struct facts *facts;
	const struct facts_frontend *frontend;
};

static bool on_flow(void *ctx, const struct conntrack_entry *e)
{
	const struct flows *w = ctx;
	struct facts_kernel *k = &w->facts->kernel;

	if (!addr_equal(&e->orig_dst, &w->frontend->addr) || e->orig_port != w->frontend->port)
		return false;
	if (k->flow_count == FLOWS_MAX) {
		k->flows_more++;
		return false;
	}
	k->flows[k->flow_count++] = (struct facts_flow){.from = e->orig_src,
							.to = e->orig_dst,
							.answers = e->reply_src,
							.from_port = e->orig_src_port,
							.to_port = e->orig_port,
							.answers_port = e->reply_port,
							.proto = e->proto,
							.unreplied = e->unreplied,
							.translated = e->dnat};
	return false;
}

/* The kernel compares filtered IPv6 addresses the wrong way round, so those are filtered by port only. */
static void gather_flows(struct facts *f)
{
	const char *error;
	struct conntrack *c = conntrack_open(&error);
	const struct facts_frontend *one;
	size_t at = 0, deleted;

	f->kernel.flows = arena_array(f->arena, FLOWS_MAX, sizeof *f->kernel.flows);
	while (c != NULL && (one = facts_next_frontend(f, &at)) != NULL) {
		struct flows w = {f, one};
		const struct conntrack_sweep sweep = {.family = one->addr.family,
						      .proto = one->proto,
						      .dst = one->addr.family == AF_INET ? &one->addr : NULL,
						      .dst_port = one->port,
						      .check = on_flow,
						      .ctx = &w};
		conntrack_sweep(c, &sweep, &deleted);
	}
	conntrack_close(c);
}

/* ---- other tables ---- */

static void on_drop(void *ctx, const char *chain, const char *rule, bool certain)
{
	struct facts *f = ctx;
	struct facts_kernel *k = &f->kernel;

	if (k->drop_count < DROPS_MAX)
		k->drops[k->drop_count++] =
			(struct facts_drop){arena_strdup(f->arena, chain), arena_strdup(f->arena, rule), certain};
}

/* Of several endpoints the first that is used stands for all. */
static const struct facts_endpoint *first_used(const struct facts *f, const struct facts_frontend *one)
{
	const struct facts_port *p = facts_port_of(&f->services[0], one);

	for (size_t i = 0; p != NULL && i < p->endpoint_count; i++)
		if (p->endpoints[i].slots > 0 || p->endpoints[i].local_slots > 0)
			return &p->endpoints[i];
	return NULL;
}

static unsigned hooks_passed(const struct facts *f, const struct addr *endpoint)
{
	bool to_host = facts_is_host(f, endpoint);

	if (f->client.on_host)
		return OTHER_OUTPUT | OTHER_POSTROUTING | (to_host ? OTHER_INPUT : 0);
	return OTHER_PREROUTING | (to_host ? OTHER_INPUT : OTHER_FORWARD | OTHER_POSTROUTING);
}

static void gather_drops(struct facts *f)
{
	const struct facts_frontend *one;
	size_t at = 0;

	f->kernel.drops = arena_array(f->arena, DROPS_MAX, sizeof *f->kernel.drops);
	while (f->kernel.drop_count == 0 && (one = facts_next_frontend(f, &at)) != NULL) {
		const struct facts_endpoint *e = first_used(f, one);
		if (e == NULL)
			continue;
		const struct other_question q = {
			.ours = f->daemon.table,
			.before = {f->client.addr, one->addr, one->proto, one->port},
			.after = {f->client.addr, e->addr, one->proto, e->port},
			.hooks = hooks_passed(f, &e->addr),
		};
		other_tables_drops(&q, on_drop, f);
	}
}

void gather_kernel(struct facts *f, const struct config *c)
{
	(void)c;
	gather_host(f);
	gather_forwarding(f);
	gather_table(f);
	gather_flows(f);
	gather_drops(f);
	gather_routes(f);
}
