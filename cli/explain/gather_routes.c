/* Asks the kernel where packets would go, and whether it would take them in. */
#include "cli/explain/gather_routes.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "base/read_file.h"
#include "base/sock.h"
#include "netlink/netlink.h"
#include "netlink/route_lookup.h"

#define FILE_BYTES_MAX 65536
#define ROUTES_MAX 16
#define RP_FILTER_STRICT 1
#define INTERFACES_MAX 64

bool gather_sysctl(const char *path, int64_t *value)
{
	size_t length;
	char *text = read_file(path, FILE_BYTES_MAX, &length), *end;

	if (text == NULL)
		return false;
	*value = strtoll(text, &end, 10);
	bool good = end != text;
	free(text);
	return good;
}

/* ---- routes ---- */

static void add_route(struct facts *f, struct mnl_socket *socket, const struct addr *to)
{
	const struct route_question q = {.to = *to};
	struct facts_kernel *k = &f->kernel;
	struct route_answer a;
	char name[IF_NAMESIZE];

	if (k->route_count == ROUTES_MAX) /* the last one is the client's */
		k->route_count--;
	int failed = route_lookup(socket, &q, &a);
	if (failed != 0 && failed != -ENETUNREACH && failed != -EHOSTUNREACH && failed != -EACCES && failed != -EINVAL)
		return;
	k->routes[k->route_count++] = (struct facts_route){
		.to = *to,
		.found = failed == 0,
		.local = a.local,
		.direct = failed == 0 && !a.gateway && !a.local,
		.interface = if_indextoname(a.interface, name) != NULL ? arena_strdup(f->arena, name) : NULL};
}

static void add_endpoints(struct facts *f, struct mnl_socket *socket)
{
	const struct facts_frontend *one;
	size_t at = 0;

	while ((one = facts_next_frontend(f, &at)) != NULL) {
		const struct facts_port *p = facts_port_of(&f->services[0], one);
		for (size_t i = 0; p != NULL && i < p->endpoint_count; i++)
			if (p->endpoints[i].slots > 0 || p->endpoints[i].local_slots > 0)
				add_route(f, socket, &p->endpoints[i].addr);
	}
}

/* ---- bridges ---- */

/* Packets between two ports of it pass the rules: net.bridge.bridge-nf-call-iptables is 1. */
static bool is_filtered_bridge(const char *interface)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (char *)&info};
	int64_t filtered = 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
	bool bridge = fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0 && strcmp(info.driver, "bridge") == 0;
	if (fd >= 0)
		close(fd);
	return bridge && gather_sysctl("/proc/sys/net/bridge/bridge-nf-call-iptables", &filtered) && filtered == 1;
}

static void find_bridge(struct facts *f)
{
	const struct facts_kernel *k = &f->kernel;
	const struct facts_route *client = &k->routes[k->route_count - 1];

	f->kernel.bridge_filtered = client->interface != NULL && is_filtered_bridge(client->interface);
}

/* ---- rp_filter ---- */

/* Packets that it dropped in this network namespace, of the pair of lines "TcpExt: NAMES" and "TcpExt: NUMBERS". */
static long long reverse_path_drops(void)
{
	size_t length;
	char *text = read_file("/proc/net/netstat", FILE_BYTES_MAX, &length), *names = NULL, *numbers = NULL;
	long long found = 0;

	if (text == NULL)
		return 0;
	char *first = strtok_r(text, "\n", &names), *second = first != NULL ? strtok_r(NULL, "\n", &names) : NULL;
	if (second != NULL) {
		char *name = strtok_r(first, " ", &names), *number = strtok_r(second, " ", &numbers);
		while (name != NULL && number != NULL && strcmp(name, "IPReversePathFilter") != 0) {
			name = strtok_r(NULL, " ", &names);
			number = strtok_r(NULL, " ", &numbers);
		}
		found = name != NULL && number != NULL ? strtoll(number, NULL, 10) : 0;
	}
	free(text);
	return found;
}

static bool is_strict(const char *interface)
{
	char path[128];
	int64_t all = 0, own = 0;

	snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/rp_filter", interface);
	gather_sysctl("/proc/sys/net/ipv4/conf/all/rp_filter", &all);
	gather_sysctl(path, &own);
	return (all > own ? all : own) == RP_FILTER_STRICT; /* the larger one counts; 2 is loose */
}

static bool refuses(struct facts *f, struct mnl_socket *socket, uint32_t interface, const struct addr *to)
{
	const struct route_question q = {.to = *to, .from = f->client.addr, .came_in_on = interface};
	struct route_answer a;

	const int failed = route_lookup(socket, &q, &a);

	return failed == -EXDEV || failed == -EINVAL;
}

/*
 * The interface that the client's packets come in on is not known. One that refuses them counts when packets were
 * refused, and when it has an address: those of pods refuse everyone but their pod.
 */
static void find_rp_filter(struct facts *f, struct mnl_socket *socket)
{
	const struct route_question back = {.to = f->client.addr};
	struct ifaddrs *list = NULL;
	struct route_answer a;
	char name[IF_NAMESIZE];

	if (f->client.addr.family != AF_INET || f->client.on_host || reverse_path_drops() == 0 ||
	    route_lookup(socket, &back, &a) != 0 || if_indextoname(a.interface, name) == NULL || getifaddrs(&list) != 0)
		return;
	for (const struct ifaddrs *i = list; i != NULL && f->kernel.rp_filter == NULL; i = i->ifa_next) {
		struct addr to;
		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK) != 0 ||
		    strcmp(i->ifa_name, name) == 0 || !is_strict(i->ifa_name))
			continue;
		sock_parse(&to, i->ifa_addr);
		if (!refuses(f, socket, if_nametoindex(i->ifa_name), &to))
			continue;
		f->kernel.rp_filter = arena_strdup(f->arena, i->ifa_name);
		f->kernel.rp_filter_route = arena_strdup(f->arena, name);
	}
	freeifaddrs(list);
}

void gather_routes(struct facts *f)
{
	struct mnl_socket *socket = netlink_open(NETLINK_ROUTE, 0);

	if (socket == NULL)
		return;
	f->kernel.routes = arena_array(f->arena, ROUTES_MAX, sizeof *f->kernel.routes);
	add_endpoints(f, socket);
	if (f->client.addr.family != 0) {
		add_route(f, socket, &f->client.addr);
		find_bridge(f);
	}
	find_rp_filter(f, socket);
	mnl_socket_close(socket);
}
