/* Serves health check node ports. */
#include "observe/health_node_port.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "observe/http.h"

#define CONNECTIONS_MAX 128 /* of all ports */

static const struct metric_desc ports_desc = {"fairlead_health_check_node_ports",
					      "Services with a health check node port.", METRIC_GAUGE, NULL, 0};

struct check;

/* One address of a check. Addresses see the endpoints of their own family where the Service has it. */
struct server {
	struct check *check;
	struct addr addr;
	struct http_port *port;
};

struct check {
	struct healthnodeport *hn;
	char *key; /* "ns/name" */
	char *ns, *name;
	uint16_t port;
	bool families[2];	     /* IPv4, IPv6: the Service has a ClusterIP there */
	uint32_t local_endpoints[2]; /* by family */
	size_t server_count;
	struct server **servers; /* each at a place of its own: its listener points to it */
};

struct healthnodeport {
	struct http *http; /* all checks share it */
	const struct health *health;
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

/* Any path is answered, as in kube-proxy. */
static void handle(void *ctx, const char *path, struct http_reply *reply)
{
	const struct server *server = ctx;
	const struct check *c = server->check;
	uint32_t local_endpoints = c->local_endpoints[family_told(c, &server->addr)];
	char weight[12];

	(void)path;
	reply->content_type = "application/json";
	http_header_set(reply, "X-Content-Type-Options", "nosniff");
	snprintf(weight, sizeof weight, "%u", local_endpoints);
	http_header_set(reply, "X-Load-Balancing-Endpoint-Weight", weight);
	reply->status =
		healthnodeport_render(c->ns, c->name, local_endpoints, health_is_healthy(c->hn->health), &reply->body);
}

static void server_open(struct server *server)
{
	const struct check *c = server->check;
	char what[600];

	snprintf(what, sizeof what, "service %s: health check node port", c->key);
	server->port = http_listen(c->hn->http, &(struct http_config){.what = what,
								      .at = {.addr = server->addr, .port = c->port},
								      .of_service = true,
								      .handler = handle,
								      .ctx = server});
}

/* The server at addr, taken out of the check's list, or a new one that does not listen yet. */
static struct server *server_take(struct check *c, const struct addr *addr)
{
	for (size_t i = 0; i < c->server_count; i++) {
		struct server *server = c->servers[i];
		if (server == NULL || !addr_equal(&server->addr, addr))
			continue;
		c->servers[i] = NULL;
		return server;
	}
	struct server *server = mem_alloc(sizeof *server);
	*server = (struct server){.check = c, .addr = *addr};
	return server;
}

static void servers_close(struct check *c)
{
	for (size_t i = 0; i < c->server_count; i++) {
		if (c->servers[i] == NULL)
			continue;
		http_port_close(c->servers[i]->port);
		free(c->servers[i]);
	}
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
	struct server **servers = mem_array(hn->addr_count, sizeof(struct server *));
	size_t count = 0;

	for (size_t i = 0; i < hn->addr_count; i++)
		servers[count++] = server_take(c, &hn->addrs[i]);
	servers_close(c);
	c->servers = servers;
	c->server_count = count;
	for (size_t i = 0; i < count; i++)
		if (servers[i]->port == NULL)
			server_open(servers[i]);
}

static void check_close(struct check *c)
{
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

static struct check *check_open(struct healthnodeport *hn, const struct service *s, char *key)
{
	struct check *c = mem_alloc(sizeof *c);

	c->hn = hn;
	c->key = key;
	c->ns = mem_strdup(s->ns);
	c->name = mem_strdup(s->name);
	c->port = s->health_check_node_port;
	map_put_str(&hn->checks, c->key, c);
	log_info("service %s: health check node port %u", c->key, c->port);
	return c;
}

static void check_update(struct check *c, const struct service *s)
{
	bool families[2];

	memcpy(c->local_endpoints, s->local_ready_addrs, sizeof c->local_endpoints);
	families_of(s, families);
	if (memcmp(families, c->families, sizeof families) == 0)
		return;
	memcpy(c->families, families, sizeof families);
	servers_follow(c);
}

void healthnodeport_update(struct healthnodeport *hn, const struct service *prev, const struct service *next)
{
	bool wanted = next != NULL && next->health_check_node_port != 0;

	if (!wanted && (prev == NULL || prev->health_check_node_port == 0))
		return;
	char *key = next != NULL ? service_key(next->ns, next->name) : service_key(prev->ns, prev->name);
	struct check *c = map_get_str(&hn->checks, key);
	bool freed = false;
	if (c != NULL && (!wanted || c->port != next->health_check_node_port)) {
		freed = true;
		check_close(c);
		c = NULL;
	}
	if (c == NULL && wanted) {
		c = check_open(hn, next, key);
		key = NULL;
	}
	if (c != NULL)
		check_update(c, next);
	if (freed)
		http_retry(hn->http); /* another Service may have waited for the port */
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

struct healthnodeport *healthnodeport_new(struct ev_loop *loop, const struct health *health, struct metrics *metrics)
{
	struct healthnodeport *hn = mem_alloc(sizeof *hn);

	hn->http = http_new(loop, CONNECTIONS_MAX);
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
