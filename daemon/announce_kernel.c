/* What --announce asks of the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/read_file.h"
#include "daemon/announce_private.h"
#include "daemon/daemon_private.h"
#include "netlink/announcement.h"
#include "netlink/netlink.h"
#include "netlink/proxy_neighbours.h"

#define PROXY_NDP_ALL "/proc/sys/net/ipv6/conf/all/proxy_ndp"
#define SYSCTL_BYTES_MAX 32

/* A setting of one interface, or of "all". -1: there is none. */
static long setting(const char *family, const char *interface, const char *name)
{
	char path[128];
	size_t length;

	snprintf(path, sizeof path, "/proc/sys/net/%s/conf/%s/%s", family, interface, name);
	char *text = read_file(path, SYSCTL_BYTES_MAX, &length);
	long value = text != NULL ? strtol(text, NULL, 10) : -1;
	free(text);
	return value;
}

/* The larger one counts, for the kernel and for us. */
static long effective(const struct announce *a, const char *family, const char *name)
{
	long all = setting(family, "all", name), own = setting(family, a->interface, name);

	return all > own ? all : own;
}

bool announce_kernel_open(struct announce *a)
{
	a->asking = netlink_open(NETLINK_ROUTE, 0);
	a->listening = lan_interface_listen();
	a->routes = local_routes_open(LOCAL_ROUTES_ANNOUNCED);
	a->proxy_ndp = open(PROXY_NDP_ALL, O_WRONLY | O_CLOEXEC);
	a->packets = announcement_socket();
	if (a->packets < 0)
		log_warn("announce: no packet socket: %s: machines that knew another holder of an address learn of a "
			 "change late (it needs CAP_NET_RAW, in a systemd unit also RestrictAddressFamilies=AF_PACKET)",
			 strerror(errno));
	return a->asking != NULL && a->listening != NULL && a->routes != NULL;
}

void announce_kernel_close(struct announce *a)
{
	mnl_socket_close(a->asking);
	mnl_socket_close(a->listening);
	local_routes_close(a->routes);
	if (a->packets >= 0)
		close(a->packets);
	if (a->proxy_ndp >= 0)
		close(a->proxy_ndp);
}

static const char *ipv6_unable(const struct announce *a)
{
	if (setting("ipv6", a->interface, "forwarding") < 0)
		return "IPv6 is off";
	if (setting("ipv6", a->interface, "forwarding") == 0)
		return "it does not forward: set net.ipv6.conf.all.forwarding to 1";
	if (effective(a, "ipv6", "proxy_ndp") > 0)
		return NULL;
	if (a->proxy_ndp >= 0 && pwrite(a->proxy_ndp, "1\n", 2, 0) == 2)
		return NULL;
	return "net.ipv6.conf.all.proxy_ndp is 0 and may not be set here: set it to 1";
}

void announce_kernel_look(struct announce *a)
{
	const bool ignores = effective(a, "ipv4", "arp_ignore") > 0;

	a->unable[0] = ignores ? "arp_ignore is on: set net.ipv4.conf.*.arp_ignore to 0" : NULL;
	a->unable[1] = ipv6_unable(a);
	a->stays = setting("ipv4", a->interface, "forwarding") == 0;
}

static int compare_addr(const void *a, const void *b)
{
	return addr_compare(a, b);
}

struct addr *announce_kernel_present(const struct announce *a, size_t *count)
{
	const struct local_route *routes;

	if (local_routes_list(a->routes, &routes, count) != 0)
		*count = 0; /* they are asked for once more */
	struct addr *present = mem_array(*count + 1, sizeof *present);
	for (size_t i = 0; i < *count; i++)
		present[i] = routes[i].to;
	if (*count > 1)
		qsort(present, *count, sizeof *present, compare_addr);
	return present;
}

static void tell_failure(struct announce *a, int error)
{
	if (error != 0 && error != a->failed)
		log_warn("announce: %s: %s; trying again every 30 s", a->interface, strerror(-error));
	a->failed = error;
}

void announce_kernel_set(struct announce *a)
{
	struct local_route *routes = mem_array(a->book.count + 1, sizeof *routes);
	struct proxy_neighbour *proxies = mem_array(a->book.count + 1, sizeof *proxies);
	size_t count = 0, proxy_count = 0;

	for (size_t i = 0; i < a->book.count; i++) {
		const struct announced *one = &a->book.items[i];
		if (one->state != ANNOUNCED_OURS)
			continue;
		routes[count++] =
			(struct local_route){.to = one->addr, .source = node_ip(&a->d->node, one->addr.family)};
		if (one->addr.family == AF_INET6)
			proxies[proxy_count++] =
				(struct proxy_neighbour){.interface = a->lan.link.interface, .addr = one->addr};
	}
	int failed = local_routes_set(a->routes, routes, count, NULL);
	int proxies_failed = proxy_neighbours_set(a->asking, proxies, proxy_count, NULL);
	tell_failure(a, failed != 0 ? failed : proxies_failed);
	a->stale = false;
	free(routes);
	free(proxies);
}

int announce_remove_all(size_t *removed)
{
	struct local_routes *routes = local_routes_open(LOCAL_ROUTES_ANNOUNCED);
	struct mnl_socket *socket = netlink_open(NETLINK_ROUTE, 0);
	int error = routes == NULL || socket == NULL ? -errno : 0;

	if (error == 0) {
		error = local_routes_set(routes, NULL, 0, removed);
		int proxies = proxy_neighbours_set(socket, NULL, 0, NULL);
		error = error != 0 ? error : proxies;
	}
	local_routes_close(routes);
	if (socket != NULL)
		mnl_socket_close(socket);
	return error;
}
