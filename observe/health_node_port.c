/* Serves health check node ports. */
#include "observe/health_node_port.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_about.h"
#include "base/map.h"
#include "base/mem.h"
#include "observe/http.h"

#define CONNECTIONS_MAX 128 /* of all ports */

static const struct metric_desc ports_desc = {"fairlead_health_check_node_ports",
					      "Services with a health check node port.", METRIC_GAUGE, NULL, 0};

struct check;

/* What an address answers from; its port's, which the requests thread serves. */
struct page {
	struct health *health;
	char *ns, *name;
	atomic_uint local_endpoints; /* the main thread keeps it up to date */
};

/* One address of a check. Addresses see the endpoints of their own family where the Service has it. */
struct server {
	struct addr addr;
	struct http_port *port; /* NULL: not open yet */
	struct page *page;
};

struct check {
	struct healthnodeport *hn;
	char *key; /* "ns/name" */
	char *ns, *name;
	uint16_t port;
	bool families[2];	     /* IPv4, IPv6: the Service has a ClusterIP there */
	uint32_t local_endpoints[2]; /* by family */
	size_t server_count;
	struct server *servers;
};

struct healthnodeport {
	struct http *http; /* all checks share it */
	struct health *health;
	struct map checks; /* by key */
	size_t addr_count;
	struct addr *addrs; /* sorted, unique */
};

unsigned healthnodeport_render(const char *ns, const char *name, unsigned local_endpoints, bool healthy,
			       struct buf *body)
{
	/* Names are DNS labels: nothing in them needs escaping. */
	buf_printf(body,
		   "{\n"
		   "\t\"service\": {\n"
		   "\t\t\"namespace\": \"%s\",\n"
		   "\t\t\"name\": \"%s\"\n"
		   "\t},\n"
		   "\t\"localEndpoints\": %u,\n"
		   "\t\"serviceProxyHealthy\": %s\n"
		   "}",
		   ns, name, local_endpoints, healthy ? "true" : "false");
	return local_endpoints != 0 && healthy ? 200 : 503;
}

static size_t family_index(const struct addr *a)
{
	return a->family == AF_INET ? 0 : 1;
}

/* Asked on an address of a family that the Service lacks, it tells of the one that it has (k/k e2e loadbalancer). */
static size_t family_told(const struct check *c, const struct addr *a)
{
	size_t asked = family_index(a);

	return c->families[asked] ? asked : 1 - asked;
}

/* ---- pages ---- */

static struct page *page_new(const struct check *c, const struct addr *addr)
{
	struct page *page = mem_alloc(sizeof *page);

	page->health = c->hn->health;
	page->ns = mem_strdup(c->ns);
	page->name = mem_strdup(c->name);
	atomic_init(&page->local_endpoints, c->local_endpoints[family_told(c, addr)]);
	return page;
}

static void page_free(void *ctx)
{
	struct page *page = ctx;

	free(page->ns);
	free(page->name);
	free(page);
}

/* In the requests thread. Any path is answered, as in kube-proxy. */
static bool page_handle(void *ctx, const char *path, struct http_reply *reply)
{
	struct page *page = ctx;
	const unsigned local_endpoints = atomic_load(&page->local_endpoints);
	char weight[12];

	(void)path;
	reply->content_type = "application/json";
	http_header_set(reply, "X-Content-Type-Options", "nosniff");
	snprintf(weight, sizeof weight, "%u", local_endpoints);
	http_header_set(reply, "X-Load-Balancing-Endpoint-Weight", weight);
	reply->status = healthnodeport_render(page->ns, page->name, local_endpoints, health_is_healthy(page->health),
					      &reply->body);
	return true;
}

/* ---- servers ---- */

static void server_open(const struct check *c, struct server *server)
{
	char what[600];

	snprintf(what, sizeof what, "service %s: health check node port", c->key);
	server->page = page_new(c, &server->addr);
	server->port = http_listen(c->hn->http, &(struct http_config){.what = what,
								      .ns = c->ns,
								      .at = {.addr = server->addr, .port = c->port},
								      .of_service = true,
								      .handler = page_handle,
								      .ctx = server->page,
								      .ctx_free = page_free});
}

/* The server at addr, taken out of the check's list, or a new one that is not open yet. */
static struct server server_take(struct check *c, const struct addr *addr)
{
	for (size_t i = 0; i < c->server_count; i++) {
		const struct server server = c->servers[i];
		if (!addr_equal(&server.addr, addr))
			continue;
		c->servers[i] = c->servers[--c->server_count];
		return server;
	}
	return (struct server){.addr = *addr};
}

static void servers_close(struct check *c)
{
	for (size_t i = 0; i < c->server_count; i++)
		http_port_close(c->servers[i].port);
	free(c->servers);
	c->servers = NULL;
	c->server_count = 0;
}

/*
 * Makes the check listen on the current addresses. What listens there already goes on: a load balancer
 * that is just asking must not take a new address for an ill node.
 */
static void servers_follow(struct check *c)
{
	const struct healthnodeport *hn = c->hn;
	struct server *servers = mem_array(hn->addr_count, sizeof *servers);

	for (size_t i = 0; i < hn->addr_count; i++)
		servers[i] = server_take(c, &hn->addrs[i]);
	servers_close(c);
	c->servers = servers;
	c->server_count = hn->addr_count;
	for (size_t i = 0; i < c->server_count; i++)
		if (servers[i].port == NULL)
			server_open(c, &servers[i]);
}

static void check_close(struct check *c)
{
	if (log_about(LOG_INFO, c->ns))
		log_info("service %s: health check node port %u closed", c->key, c->port);
	servers_close(c);
	map_del_str(&c->hn->checks, c->key);
	free(c->key);
	free(c->ns);
	free(c->name);
	free(c);
}

static void families_of(const struct service *s, bool families[2])
{
	families[0] = families[1] = false;
	for (size_t i = 0; i < s->cluster_ip_count; i++)
		families[family_index(&s->cluster_ips[i])] = true;
}

static void check_update(struct check *c, const struct service *s)
{
	memcpy(c->local_endpoints, s->local_ready_addrs, sizeof c->local_endpoints);
	families_of(s, c->families);
	for (size_t i = 0; i < c->server_count; i++) {
		const struct server *server = &c->servers[i];
		atomic_store(&server->page->local_endpoints, c->local_endpoints[family_told(c, &server->addr)]);
	}
}

static void check_open(struct healthnodeport *hn, const struct service *s)
{
	struct check *c = mem_alloc(sizeof *c);

	c->hn = hn;
	c->key = service_key(s->ns, s->name);
	c->ns = mem_strdup(s->ns);
	c->name = mem_strdup(s->name);
	c->port = s->health_check_node_port;
	map_put_str(&hn->checks, c->key, c);
	if (log_about(LOG_INFO, c->ns))
		log_info("service %s: health check node port %u", c->key, c->port);
	check_update(c, s);
	servers_follow(c);
}

void healthnodeport_update(struct healthnodeport *hn, const struct service *prev, const struct service *next)
{
	bool wanted = next != NULL && next->health_check_node_port != 0;

	if (!wanted && (prev == NULL || prev->health_check_node_port == 0))
		return;
	char *key = next != NULL ? service_key(next->ns, next->name) : service_key(prev->ns, prev->name);
	struct check *c = map_get_str(&hn->checks, key);
	if (c != NULL && (!wanted || c->port != next->health_check_node_port)) {
		check_close(c);
		c = NULL;
	}
	if (c != NULL)
		check_update(c, next);
	else if (wanted)
		check_open(hn, next);
	free(key);
}

/* ---- addresses ---- */

static int by_addr(const void *a, const void *b)
{
	return addr_compare(a, b);
}

/* Sorted copy without duplicates; a wildcard (it sorts first) covers its family. */
static struct addr *addrs_copy(const struct addr *addrs, size_t *count)
{
	struct addr *copy = mem_array(*count, sizeof *copy);
	bool covered[2] = {false, false};
	size_t n = 0;

	for (size_t i = 0; i < *count; i++)
		copy[i] = addrs[i];
	qsort(copy, *count, sizeof *copy, by_addr);
	for (size_t i = 0; i < *count; i++) {
		const struct addr a = copy[i];
		if (covered[family_index(&a)] || (n > 0 && addr_equal(&copy[n - 1], &a)))
			continue;
		covered[family_index(&a)] = addr_is_wildcard(&a);
		copy[n++] = a;
	}
	*count = n;
	return copy;
}

void healthnodeport_addrs_set(struct healthnodeport *hn, const struct addr *addrs, size_t count)
{
	struct addr *copy = addrs_copy(addrs, &count);
	struct check *c;
	size_t at = 0;

	if (count == hn->addr_count && (count == 0 || memcmp(copy, hn->addrs, count * sizeof *copy) == 0)) {
		free(copy);
		return;
	}
	free(hn->addrs);
	hn->addrs = copy;
	hn->addr_count = count;
	while ((c = map_next(&hn->checks, &at)) != NULL)
		servers_follow(c);
}

static void ports_put(void *ctx, struct metrics_page *page)
{
	const struct healthnodeport *hn = ctx;

	metrics_put(page, &ports_desc, NULL, (double)map_count(&hn->checks));
}

struct healthnodeport *healthnodeport_new(struct ev_loop *loop, struct requests *requests, struct health *health,
					  struct metrics *metrics)
{
	struct healthnodeport *hn = mem_alloc(sizeof *hn);

	hn->http = http_new(loop, requests, CONNECTIONS_MAX);
	hn->health = health;
	metrics_provider(metrics, ports_put, hn);
	return hn;
}

void healthnodeport_free(struct healthnodeport *hn)
{
	struct check *c;
	size_t at = 0;

	if (hn == NULL)
		return;
	while ((c = map_next(&hn->checks, &at)) != NULL)
		check_close(c);
	http_free(hn->http);
	map_fini(&hn->checks);
	free(hn->addrs);
	free(hn);
}
