/* Keeps the host's addresses up to date by rtnetlink. */
#include "netlink/host_addresses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "base/log.h"
#include "base/mem.h"
#include "netlink/attrs.h"
#include "netlink/netlink.h"
#include "netlink/route_message.h"

#define FAMILIES 2
#define RECEIVE_BYTES 32768

struct hostaddr {
	struct mnl_socket *asking, *listening;
	struct rt_address *locals;
	size_t local_count, local_room;
	struct rt_default defaults[FAMILIES]; /* the best; family 0: none */
	bool behind;			      /* a change could not be read */
	/* what callers see */
	struct addr *list, routes[FAMILIES], routers[FAMILIES];
	size_t list_count, route_count, router_count;
	struct addr *inner;
	struct cidr *networks;
	size_t inner_count, network_count;
};

/* ---- reading addresses and routes ---- */

static int each_address(const struct nlmsghdr *nlh, void *ctx)
{
	struct hostaddr *h = ctx;
	struct rt_address a;

	if (!rt_address_read(nlh, &a))
		return MNL_CB_OK;
	h->locals = mem_grow(h->locals, h->local_count, &h->local_room, sizeof *h->locals);
	h->locals[h->local_count++] = a;
	return MNL_CB_OK;
}

static void forget_addresses(void *ctx)
{
	((struct hostaddr *)ctx)->local_count = 0;
}

/* The best of them counts. */
static int each_route(const struct nlmsghdr *nlh, void *ctx)
{
	struct hostaddr *h = ctx;
	struct rt_default r;

	if (!rt_default_read(nlh, &r))
		return MNL_CB_OK;
	struct rt_default *best = &h->defaults[r.family == AF_INET6];
	if (best->family == 0 || r.metric < best->metric)
		*best = r;
	return MNL_CB_OK;
}

static void forget_routes(void *ctx)
{
	memset(((struct hostaddr *)ctx)->defaults, 0, sizeof((struct hostaddr *)ctx)->defaults);
}

static int read_kind(struct hostaddr *h, uint16_t type, mnl_cb_t each, void (*restart)(void *))
{
	char request[64] __attribute__((aligned(8)));
	struct netlink_list list = {.socket = h->asking,
				    .request = mnl_nlmsg_put_header(request),
				    .each = each,
				    .restart = restart,
				    .ctx = h};

	list.request->nlmsg_type = type;
	list.request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	/* Both have the family (0: all) first and zeros for "whatever" behind. */
	mnl_nlmsg_put_extra_header(list.request, type == RTM_GETADDR ? sizeof(struct ifaddrmsg) : sizeof(struct rtmsg));
	restart(h);
	return netlink_list(&list);
}

/* ---- what callers see ---- */

static int compare_addrs(const void *a, const void *b)
{
	return addr_compare(a, b);
}

static bool share_prefix(const struct addr *a, const struct addr *b, uint8_t bits)
{
	const struct cidr network = cidr_network(a, bits);

	return cidr_contains(&network, b);
}

/* How good an address is for what its default route sends; 0: not at all. */
static int fitness(const struct rt_address *l, const struct rt_default *r, int family)
{
	int score = 1;

	if (l->addr.family != family || l->scope != RT_SCOPE_UNIVERSE)
		return 0;
	if (share_prefix(&l->addr, &r->gateway, l->prefix))
		score += 4;
	if (l->interface == r->interface)
		score += 2;
	return l->secondary ? score * 2 : score * 2 + 1;
}

static const struct addr *route_source(const struct hostaddr *h, const struct rt_default *r, int family)
{
	const struct rt_address *best = NULL;
	int most = 0;

	if (r->family == 0)
		return NULL;
	if (r->source.family != 0)
		return &r->source;
	for (size_t i = 0; i < h->local_count; i++)
		if (fitness(&h->locals[i], r, family) > most) {
			best = &h->locals[i];
			most = fitness(best, r, family);
		}
	return best != NULL ? &best->addr : NULL;
}

static bool publish_list(struct hostaddr *h)
{
	struct addr *list = mem_array(h->local_count + 1, sizeof *list);
	size_t count = 0;
	bool changed;

	for (size_t i = 0; i < h->local_count; i++)
		list[i] = h->locals[i].addr;
	qsort(list, h->local_count, sizeof *list, compare_addrs);
	for (size_t i = 0; i < h->local_count; i++)
		if (count == 0 || !addr_equal(&list[count - 1], &list[i]))
			list[count++] = list[i];
	changed = count != h->list_count || (count > 0 && memcmp(list, h->list, count * sizeof *list) != 0);
	free(h->list);
	h->list = list;
	h->list_count = count;
	return changed;
}

static bool publish_routes(struct hostaddr *h)
{
	struct addr routes[FAMILIES] = {0};
	size_t count = 0;
	bool changed;

	for (int f = 0; f < FAMILIES; f++) {
		const struct addr *source = route_source(h, &h->defaults[f], f == 0 ? AF_INET : AF_INET6);

		if (source != NULL)
			routes[count++] = *source;
	}
	changed = count != h->route_count || memcmp(routes, h->routes, sizeof routes) != 0;
	memcpy(h->routes, routes, sizeof routes);
	h->route_count = count;
	h->router_count = 0;
	for (int f = 0; f < FAMILIES; f++)
		if (h->defaults[f].gateway.family != 0)
			h->routers[h->router_count++] = h->defaults[f].gateway;
	return changed;
}

/* A single address is no network, but a virtual address or one end of a cable. */
static bool has_network(const struct rt_address *l)
{
	return l->scope == RT_SCOPE_UNIVERSE && l->prefix < 8 * addr_bytes(&l->addr);
}

static bool is_inner(const struct hostaddr *h, const struct rt_address *l)
{
	if (!has_network(l) || h->defaults[l->addr.family == AF_INET6].family == 0)
		return false;
	return l->interface != h->defaults[0].interface && l->interface != h->defaults[1].interface;
}

static bool publish_inner(struct hostaddr *h)
{
	struct addr *inner = mem_array(h->local_count + 1, sizeof *inner);
	size_t count = 0;
	bool changed;

	for (size_t i = 0; i < h->local_count; i++)
		if (is_inner(h, &h->locals[i]))
			inner[count++] = h->locals[i].addr;
	qsort(inner, count, sizeof *inner, compare_addrs);
	changed = count != h->inner_count || (count > 0 && memcmp(inner, h->inner, count * sizeof *inner) != 0);
	free(h->inner);
	h->inner = inner;
	h->inner_count = count;
	return changed;
}

static int compare_cidrs(const void *a, const void *b)
{
	const struct cidr *x = a, *y = b;
	int order = addr_compare(&x->addr, &y->addr);

	return order != 0 ? order : (int)x->prefix - (int)y->prefix;
}

static bool publish_networks(struct hostaddr *h)
{
	struct cidr *all = mem_array(h->local_count + 1, sizeof *all);
	size_t count = 0, kept = 0;
	bool changed;

	for (size_t i = 0; i < h->local_count; i++) {
		const struct rt_address *l = &h->locals[i];
		if (has_network(l))
			all[count++] = cidr_network(&l->addr, l->prefix);
	}
	qsort(all, count, sizeof *all, compare_cidrs);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || compare_cidrs(&all[kept - 1], &all[i]) != 0)
			all[kept++] = all[i];
	changed = kept != h->network_count || (kept > 0 && memcmp(all, h->networks, kept * sizeof *all) != 0);
	free(h->networks);
	h->networks = all;
	h->network_count = kept;
	return changed;
}

/* An error leaves the lists as they were. */
static int read_all(struct hostaddr *h, bool *changed)
{
	int error = read_kind(h, RTM_GETADDR, each_address, forget_addresses);

	if (error == 0)
		error = read_kind(h, RTM_GETROUTE, each_route, forget_routes);
	if (error != 0)
		return error;
	*changed = publish_list(h);
	*changed |= publish_routes(h);
	*changed |= publish_inner(h);
	*changed |= publish_networks(h);
	return 0;
}

/* ---- the module ---- */

static bool listen_to_changes(struct hostaddr *h)
{
	static const int groups[] = {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};

	h->listening = netlink_open(NETLINK_ROUTE, SOCK_NONBLOCK);
	for (size_t i = 0; h->listening != NULL && i < sizeof groups / sizeof groups[0]; i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(h->listening, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
			return false;
	}
	return h->listening != NULL;
}

struct hostaddr *hostaddr_open(const char **error)
{
	struct hostaddr *h = mem_alloc(sizeof *h);
	bool changed;

	h->asking = netlink_open(NETLINK_ROUTE, 0);
	/* Listening before reading: what changes in between is seen twice, not missed. */
	if (h->asking != NULL && listen_to_changes(h) && read_all(h, &changed) == 0)
		return h;
	*error = "cannot read this host's addresses (rtnetlink)";
	hostaddr_close(h);
	return NULL;
}

void hostaddr_close(struct hostaddr *h)
{
	if (h == NULL)
		return;
	if (h->asking != NULL)
		mnl_socket_close(h->asking);
	if (h->listening != NULL)
		mnl_socket_close(h->listening);
	free(h->locals);
	free(h->list);
	free(h->inner);
	free(h->networks);
	free(h);
}

int hostaddr_fd(const struct hostaddr *h)
{
	return mnl_socket_get_fd(h->listening);
}

/* Routes to pods come and go all day: only default routes concern us. */
static bool concerns_us(const struct nlmsghdr *nlh)
{
	struct rt_default r;

	return nlh->nlmsg_type == RTM_NEWADDR || nlh->nlmsg_type == RTM_DELADDR || rt_default_read(nlh, &r);
}

static bool anything_new(struct hostaddr *h)
{
	static char buffer[RECEIVE_BYTES] __attribute__((aligned(8)));
	bool news = false;

	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(h->listening), buffer, sizeof buffer, 0);
		const struct nlmsghdr *nlh;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			news = true; /* something was lost */
			continue;
		}
		if (got <= 0)
			return news;
		struct messages list = {(const uint8_t *)buffer, (size_t)got};
		while ((nlh = messages_next(&list)) != NULL)
			news = news || concerns_us(nlh);
	}
}

bool hostaddr_read(struct hostaddr *h)
{
	bool changed = false;
	int error;

	if (!anything_new(h) && !h->behind)
		return false;
	error = read_all(h, &changed);
	if (error < 0 && !h->behind)
		log_warn("host addresses: %s; asking again at the next change", strerror(-error));
	h->behind = error < 0;
	return changed;
}

const struct addr *hostaddr_list(const struct hostaddr *h, size_t *count)
{
	*count = h->list_count;
	return h->list;
}

const struct addr *hostaddr_routes(const struct hostaddr *h, size_t *count)
{
	*count = h->route_count;
	return h->routes;
}

const struct addr *hostaddr_routers(const struct hostaddr *h, size_t *count)
{
	*count = h->router_count;
	return h->routers;
}

const struct addr *hostaddr_inner(const struct hostaddr *h, size_t *count)
{
	*count = h->inner_count;
	return h->inner;
}

const struct cidr *hostaddr_networks(const struct hostaddr *h, size_t *count)
{
	*count = h->network_count;
	return h->networks;
}
