/* Facts of a Service that works, to be spoiled by tests of `fairlead explain`. */
#ifndef TESTS_UNIT_EXPLAIN_SCENE_H
#define TESTS_UNIT_EXPLAIN_SCENE_H

#include <netinet/in.h>
#include <string.h>

#include "cli/explain/verdict.h"

/* One Service shop/web, 10.96.0.1:80, with one endpoint on a pod; everything is fine. */
struct scene {
	struct facts f;
	struct facts_service service;
	struct facts_frontend frontend;
	struct facts_port port, wanted;
	struct facts_endpoint endpoint;
	struct facts_unused unused;
	struct facts_step step;
	struct facts_flow flow;
	struct facts_route route;
	struct cidr cidrs[2];
	struct addr addrs[2];
};

static inline struct addr addr(const char *text)
{
	struct addr a = {0};

	assert_true(addr_parse(&a, text));
	return a;
}

static inline struct cidr cidr(const char *text)
{
	struct cidr c = {0};

	assert_true(cidr_parse(&c, text));
	return c;
}

static inline void scene_begin(struct scene *s)
{
	*s = (struct scene){0};
	s->frontend = (struct facts_frontend){.kind = "cluster-ip",
					      .action = "balance",
					      .port_name = "http",
					      .addr = addr("10.96.0.1"),
					      .port = 80,
					      .proto = IPPROTO_TCP,
					      .slots = 1};
	s->endpoint = (struct facts_endpoint){
		.addr = addr("10.244.0.10"), .port = 8080, .state = "used", .ready = true, .serving = true, .slots = 1};
	s->port = (struct facts_port){.name = "http",
				      .port = 80,
				      .proto = IPPROTO_TCP,
				      .family = AF_INET,
				      .endpoint_count = 1,
				      .endpoints = &s->endpoint};
	s->wanted = (struct facts_port){.name = "http", .target_port = "8080", .port = 80, .proto = IPPROTO_TCP};
	s->service = (struct facts_service){.ns = "shop",
					    .name = "web",
					    .type = "ClusterIP",
					    .proxied = true,
					    .appeared_ms_ago = -1,
					    .slices = 1,
					    .slice_endpoints = 1,
					    .frontend_count = 1,
					    .frontends = &s->frontend,
					    .port_count = 1,
					    .ports = &s->port,
					    .wanted_count = 1,
					    .wanted = &s->wanted,
					    .unused = &s->unused};
	s->f = (struct facts){.arena = arena_new(4096),
			      .asked = {.text = "10.96.0.1:80", .addr = addr("10.96.0.1"), .port = 80},
			      .client = {.ns = "default"},
			      .daemon = {.domain = "cluster.local",
					 .table = "fairlead",
					 .complete = true,
					 .in_sync = true,
					 .reachable = true,
					 .proxy = true,
					 .dns = true,
					 .problem = ""},
			      .service_count = 1,
			      .services = &s->service,
			      .kernel = {.known = true,
					 .forwarding = {1, 1},
					 .flows = &s->flow,
					 .routes = &s->route,
					 .networks = {.items = &s->cidrs[1]},
					 .host = {.items = s->addrs}}};
}

/* Asked by a name that was not found in one step. */
static inline void asks(struct scene *s, const char *name, enum outcome outcome, const char *ede)
{
	s->step = (struct facts_step){.name = name,
				      .type = "A",
				      .server = "10.96.0.10",
				      .status = "…",
				      .outcome = outcome,
				      .server_is_ours = true,
				      .ede_code = ede != NULL ? 22 : -1,
				      .ede = ede};
	s->f.asked = (struct facts_asked){.text = name, .name = name};
	s->f.names = (struct facts_names){.resolver = RESOLVER_MUSL,
					  .ndots = 5,
					  .step_count = 1,
					  .steps = &s->step,
					  .result = SEARCH_NO_NAME,
					  .error = "EAI_NONAME",
					  .name_count = 4,
					  .service = "web",
					  .ns = "shop"};
}

static inline void comes_from(struct scene *s, const char *client)
{
	s->f.client.addr = addr(client);
}

static inline void says(struct scene *s, const char *rule, enum severity severity)
{
	struct findings found = {.arena = s->f.arena};

	verdict(&s->f, &found);
	if (rule == NULL) {
		assert_int_equal(found.count, 0);
	} else {
		assert_int_not_equal(found.count, 0);
		assert_string_equal(found.items[0].rule, rule);
		assert_int_equal(found.items[0].severity, severity);
		assert_null(strchr(found.items[0].text, '\n'));
	}
	arena_free(s->f.arena);
	s->f.arena = NULL;
}

#endif
