/* A service with targets on loopback, for the tests of the relay: include after <cmocka.h>. */
#ifndef TESTS_RELAY_FIXTURE_H
#define TESTS_RELAY_FIXTURE_H

#include "base/metrics.h"
#include "base/sock.h"
#include "relay/relay.h"
#include "relay/relay_plan.h"
#include "tests/unit/freeport.h"

#define LIMIT_MS 20000

static inline struct addr loopback(int family)
{
	if (family == AF_INET)
		return (struct addr){.family = AF_INET, .bytes = {127, 0, 0, 1}};
	return (struct addr){.family = AF_INET6, .bytes = {[15] = 1}};
}

static const uint16_t slots[] = {0, 1};

/* A service of one port with up to two targets on loopback. */
struct fixture {
	struct target targets[2];
	struct service_port port;
	struct service service;
};

static inline struct service *service_make(struct fixture *f, int family, uint8_t proto, uint16_t node_port)
{
	*f = (struct fixture){.port = {.name = "", .node_port = node_port, .proto = proto, .family = (uint8_t)family}};
	for (int i = 0; i < 2; i++) {
		f->targets[i].addr = loopback(family);
		f->targets[i].port = (uint16_t)(1000 + i);
		f->targets[i].flags = TARGET_READY | TARGET_SERVING | TARGET_IN_CLUSTER;
	}
	f->port.target_count = 2;
	f->port.targets = f->targets;
	f->port.cluster = (struct pool){.size = 2, .count = 2, .slots = slots};
	f->service = (struct service){.ns = "prod", .name = "web", .proxied = true, .port_count = 1, .ports = &f->port};
	return &f->service;
}

/* The same whose targets both listen on this port. */
static inline struct service *service_at(struct fixture *f, int family, uint8_t proto, uint16_t node_port,
					 uint16_t port)
{
	service_make(f, family, proto, node_port);
	f->targets[0].port = f->targets[1].port = port;
	return &f->service;
}

/* One connection with 8 MiB each way at different speeds, then half-closes one after the other. */
#define VOLUME ((size_t)8 << 20)

static inline const struct service *find_in(void *ctx, const char *ns, const char *name)
{
	const struct service *const *known = ctx;

	for (; *known != NULL; known++)
		if (strcmp((*known)->ns, ns) == 0 && strcmp((*known)->name, name) == 0)
			return *known;
	return NULL;
}

#endif
