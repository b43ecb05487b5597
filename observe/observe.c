/* Starts the HTTP ports and connects health and metrics to the daemon. */
#include "observe/observe.h"

#include <ev.h>
#include <stdlib.h>

#include "base/mem.h"
#include "observe/health.h"
#include "observe/health_node_port.h"
#include "observe/http.h"
#include "observe/metrics_page.h"
#include "observe/page/page.h"

#define CONNECTIONS_MAX 64 /* of the daemon's own ports together */

struct observe {
	struct observe_config config;
	struct ev_loop *loop;
	ev_timer alive;
	struct metrics *metrics;
	struct health *health;
	struct healthnodeport *checks;
	struct http *http; /* of the daemon's own ports */
	struct http_port *healthz, *metrics_port, *page_port;
	struct page *page;	/* NULL: off */
	struct sync_stats sync; /* at the last turn, as the next */
};

/* NULL: the flag is empty. */
static struct http_port *port_open(struct http *http, const struct addr_port *at, struct http_config config)
{
	config.at = *at;
	config.dual = addr_is_wildcard(&at->addr);
	return at->port != 0 ? http_listen(http, &config) : NULL;
}

static void ports_open(struct observe *r)
{
	r->healthz = port_open(r->http, &r->config.healthz,
			       (struct http_config){.what = "healthz", .handler = health_handle, .ctx = r->health});
	r->metrics_port = port_open(r->http, &r->config.metrics,
				    (struct http_config){.what = "metrics",
							 .handler = metrics_page_handle,
							 .main_handler = metrics_page_render,
							 .ctx = r->metrics});
}

static void on_alive(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	health_alive(w->data);
}

struct observe *observe_new(struct ev_loop *loop, struct requests *requests, const struct observe_config *config)
{
	struct observe *r = mem_alloc(sizeof *r);

	r->config = *config;
	r->loop = loop;
	r->metrics = metrics_new();
	metrics_page_init(r->metrics);
	r->health = health_new(config->health_limit_ms, config->apiserver, r->metrics);
	r->checks = healthnodeport_new(loop, requests, r->health, r->metrics);
	r->http = http_new(loop, requests, CONNECTIONS_MAX);
	ports_open(r);
	ev_init(&r->alive, on_alive);
	r->alive.repeat = (double)config->health_limit_ms / HEALTH_ALIVE_PER_LIMIT / 1000;
	r->alive.data = r->health;
	ev_timer_again(loop, &r->alive);
	return r;
}

void observe_free(struct observe *r)
{
	if (r == NULL)
		return;
	ev_timer_stop(r->loop, &r->alive);
	http_port_close(r->page_port);
	page_free(r->page);
	http_port_close(r->metrics_port);
	http_port_close(r->healthz);
	http_free(r->http);
	healthnodeport_free(r->checks);
	health_free(r->health);
	metrics_free(r->metrics);
	free(r);
}

void observe_retry(struct observe *r)
{
	http_retry(r->http);
}

bool observe_bound(const struct observe *r)
{
	return (r->healthz == NULL || http_bound(r->healthz)) &&
	       (r->metrics_port == NULL || http_bound(r->metrics_port)) &&
	       (r->page_port == NULL || http_bound(r->page_port));
}

void observe_page(struct observe *r, const struct addr_port *at, const struct page_config *config)
{
	if (at->port == 0)
		return;
	r->page = page_new(r->loop, config);
	r->page_port = port_open(r->http, at,
				 (struct http_config){.what = "page",
						      .private_hosts = true,
						      .handler = page_leave,
						      .main_handler = page_handle,
						      .ctx = r->page});
}

struct metrics *observe_metrics(struct observe *r)
{
	return r->metrics;
}

void observe_dns(struct observe *r, const struct binding_problem *problems, size_t count)
{
	health_dns_set(r->health, problems, count);
}

/* Where a family takes node ports on all addresses, one socket for all stands in. */
static void checks_move(struct observe *r, const struct node *node)
{
	size_t count = node->facts.node_port_addr_count;
	struct addr *addrs = mem_array(count + 2, sizeof *addrs);

	for (size_t i = 0; i < count; i++)
		addrs[i] = node->facts.node_port_addrs[i];
	if (nodeports_take_all(r->config.nodeports, AF_INET))
		addrs[count++] = (struct addr){.family = AF_INET};
	if (nodeports_take_all(r->config.nodeports, AF_INET6))
		addrs[count++] = (struct addr){.family = AF_INET6};
	healthnodeport_addrs_set(r->checks, addrs, count);
	free(addrs);
}

void observe_node(struct observe *r, const struct node *node, const struct node_object *object)
{
	health_node_set(r->health, object);
	checks_move(r, node);
}

void observe_published(struct observe *r, const struct service *prev, const struct service *next)
{
	if (r->config.proxy)
		healthnodeport_update(r->checks, prev, next);
	if (r->page != NULL)
		page_published(r->page, prev, next);
}

void observe_turn(struct observe *r, const struct sync_stats *sync)
{
	if (sync->refused != r->sync.refused)
		health_failed(r->health);
	else if (sync->syncs != r->sync.syncs)
		health_synced(r->health);
	else if (sync->done && !sync->in_sync)
		health_queued(r->health);
	r->sync = *sync;
	if (r->page != NULL)
		page_turn(r->page);
}
