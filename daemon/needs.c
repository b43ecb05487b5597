/* What this node and this daemon need. */
#include "daemon/needs.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/read_file.h"
#include "dns/resolver/resolv_conf.h"

#define NEEDED_MAX 64 /* further API servers and name servers are not protected */

static void needs_add(struct needs *n, const struct addr *addr, enum address_fault fault)
{
	if (n->count == NEEDED_MAX)
		return;
	for (size_t i = 0; i < n->count; i++)
		if (addr_equal(&n->items[i].addr, addr))
			return;
	n->items[n->count++] = (struct needed_addr){.addr = *addr, .fault = (uint8_t)fault};
}

static void add_own(struct needs *n, const struct addr *addr, uint16_t port, uint8_t proto)
{
	n->own = mem_resize(n->own, (n->own_count + 1) * sizeof *n->own);
	n->own[n->own_count++] = (struct own_socket){.addr = *addr, .proto = proto, .port = port};
}

static void add_page(struct needs *n, const struct addr_port *at)
{
	if (at->port != 0)
		add_own(n, &at->addr, at->port, IPPROTO_TCP);
}

static void add_own_sockets(struct needs *n, const struct config *c)
{
	for (size_t i = 0; !c->no_dns && i < c->dns_listen.count; i++) {
		add_own(n, &c->dns_listen.items[i].addr, c->dns_listen.items[i].port, IPPROTO_UDP);
		add_own(n, &c->dns_listen.items[i].addr, c->dns_listen.items[i].port, IPPROTO_TCP);
	}
	add_page(n, &c->healthz);
	add_page(n, &c->metrics);
	add_page(n, &c->page);
}

/* A host name is looked up by curl; its addresses are known by the endpoints of default/kubernetes. */
static void add_server(struct needs *n, const char *url)
{
	const char *host = url != NULL ? strstr(url, "://") : NULL;
	char authority[ADDR_PORT_TEXT_BYTES + 2];
	struct addr addr;
	uint16_t port;

	if (host == NULL)
		return;
	host += strlen("://");
	size_t length = strcspn(host, "/?#");
	if (length >= sizeof authority)
		return;
	memcpy(authority, host, length);
	authority[length] = '\0';
	if (authority[0] == '[' && length > 2 && authority[length - 1] == ']') { /* without a port */
		memmove(authority, authority + 1, length);
		authority[length - 2] = '\0';
	}
	if (addr_port_parse(&addr, &port, authority))
		needs_add(n, &addr, ADDRESS_API_SERVER);
}

static void add_name_servers(struct needs *n, const char *path)
{
	struct arena *arena = arena_new(1024);
	struct resolv_conf conf = {0};
	const char *error;
	size_t length;
	char *text = read_regular_file(path, RESOLV_FILE_BYTES_MAX, &length);
	struct addr addr;

	if (text != NULL && resolv_conf_parse(arena, text, length, &conf, &error))
		for (size_t i = 0; i < conf.nameservers.count; i++)
			if (addr_parse(&addr, conf.nameservers.items[i]))
				needs_add(n, &addr, ADDRESS_NAME_SERVER);
	free(text);
	arena_free(arena);
}

bool needs_name_servers_read(struct needs *n, const char *const *paths, size_t count)
{
	struct needs next = {.items = mem_array(NEEDED_MAX, sizeof *next.items), .count = n->server_count};

	for (size_t i = 0; i < n->server_count; i++)
		next.items[i] = n->items[i];
	for (size_t i = 0; i < count; i++)
		add_name_servers(&next, paths[i]);
	const size_t found = next.count - n->server_count;
	const bool same =
		found == n->name_server_count && memcmp(next.items, n->items, next.count * sizeof *next.items) == 0;
	if (found == 0 || same) {
		free(next.items);
		return false;
	}
	free(n->items);
	n->items = next.items;
	n->count = next.count;
	n->name_server_count = found;
	return true;
}

void needs_init(struct needs *n, const struct config *config, const char *server)
{
	*n = (struct needs){.items = mem_array(NEEDED_MAX, sizeof *n->items)};
	add_own_sockets(n, config);
	add_server(n, server);
	n->server_count = n->count;
}

void needs_update(struct needs *n, const struct store *store)
{
	const struct store_service *api = store_service(store, "default", "kubernetes");

	n->count = n->server_count + n->name_server_count;
	for (size_t i = 0; api != NULL && i < api->slice_count; i++)
		for (size_t k = 0; k < api->slices[i]->endpoint_count; k++)
			needs_add(n, &api->slices[i]->endpoints[k].addr, ADDRESS_API_SERVER);
}

void needs_fini(struct needs *n)
{
	free(n->own);
	free(n->items);
	*n = (struct needs){0};
}
