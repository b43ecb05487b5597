/* Opens and closes the relay's listening sockets. */
#include "relay/relay_ports.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/listener.h"
#include "base/map.h"
#include "base/mem.h"

struct port {
	struct relay_ports *owner;
	struct relay_plan *plan;
	struct relay_choice choice;
	struct listener *listener;
	struct relay_tcp_port *tcp; /* of TCP; else NULL */
	struct relay_udp_port udp;  /* sessions; of a TCP port it has none */
};

struct relay_ports {
	struct listeners *listeners;
	struct relay_ports_counts *counts;
	struct map ports; /* by plan->key */
	struct relay_tcp *tcp;
	struct relay_udp *udp;
};

static void listeners_count(const struct port *p, int by)
{
	atomic_uint_fast32_t *count = &p->owner->counts->listeners[p->plan->key.proto == IPPROTO_UDP];

	atomic_store(count, atomic_load(count) + (uint_fast32_t)by);
}

/*
 * Only what comes over lo: where route_localnet was left on, neighbours can send to 127.0.0.1 (CVE-2020-8558), but not
 * over lo.
 */
static bool bind_to_lo(int fd)
{
	static const char device[] = "lo";

	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, sizeof device) == 0;
}

/* Without it clients wait in the backlog. */
static bool has_room(void *ctx, bool starved)
{
	struct port *p = ctx;

	return !starved && relay_tcp_room(p->tcp);
}

static void on_connection(void *ctx, int fd, const struct sockaddr_storage *from)
{
	struct port *p = ctx;

	(void)from;
	relay_tcp_connect(p->tcp, fd, relay_plan_pick(p->plan, &p->choice, clock_ms(), arc4random()));
}

static void on_datagrams(void *ctx, int fd)
{
	struct port *p = ctx;

	(void)fd;
	relay_udp_receive(p->owner->udp, &p->udp);
}

static void on_bound(void *ctx, int fd)
{
	struct port *p = ctx;

	p->udp.fd = fd;
	listeners_count(p, 1);
}

static void port_listen(struct port *p)
{
	const struct frontend_key *key = &p->plan->key;
	const bool tcp = key->proto == IPPROTO_TCP;
	char what[600], ns[600];

	snprintf(what, sizeof what, "service %s: localhost node port %s", p->plan->what, proto_name(key->proto));
	snprintf(ns, sizeof ns, "%.*s", (int)strcspn(p->plan->what, "/"), p->plan->what);
	p->listener = listener_open(
		p->owner->listeners,
		&(struct listener_config){
			.what = what,
			.ns = ns,
			.at = {.at = {.addr = key->addr, .port = key->port}, .datagram = !tcp, .prepare = bind_to_lo},
			.room = has_room,
			.accepted = tcp ? on_connection : NULL,
			.readable = tcp ? NULL : on_datagrams,
			.bound = on_bound,
			.ctx = p});
}

static void port_close(struct port *p)
{
	struct relay_ports *r = p->owner;

	relay_udp_close(&p->udp);
	relay_tcp_port_close(p->tcp);
	if (listener_fd(p->listener) >= 0)
		listeners_count(p, -1);
	listener_close(p->listener);
	map_del(&r->ports, &p->plan->key, sizeof p->plan->key);
	relay_plan_free(p->plan);
	free(p);
}

static void port_open(struct relay_ports *r, struct relay_plan *plan)
{
	struct port *p = mem_alloc(sizeof *p);

	p->owner = r;
	p->plan = plan;
	if (plan->key.proto == IPPROTO_TCP)
		p->tcp = relay_tcp_port_new(r->tcp);
	p->udp = (struct relay_udp_port){.fd = -1, .plan = plan, .choice = &p->choice};
	map_put(&r->ports, &plan->key, sizeof plan->key, p);
	port_listen(p);
}

static void port_update(struct port *p, struct relay_plan *plan)
{
	struct relay_plan *old = p->plan;
	const bool waits_for_other = listener_fd(p->listener) < 0 && strcmp(old->what, plan->what) != 0;

	map_put(&p->owner->ports, &plan->key, sizeof plan->key, p);
	p->plan = plan;
	p->udp.plan = plan;
	relay_udp_review(&p->udp);
	if (waits_for_other) { /* its lines name the new Service */
		listener_close(p->listener);
		port_listen(p);
	}
	relay_plan_free(old);
}

void relay_ports_set(struct relay_ports *r, const struct frontend_key *key, struct relay_plan *plan)
{
	struct port *p = map_get(&r->ports, key, sizeof *key);

	if (plan == NULL && p != NULL)
		port_close(p);
	else if (plan != NULL && p != NULL)
		port_update(p, plan);
	else if (plan != NULL)
		port_open(r, plan);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

struct relay_ports *relay_ports_new(struct ev_loop *loop, struct relay_ports_counts *counts, unsigned descriptors)
{
	struct relay_ports *r = mem_alloc(sizeof *r);

	r->listeners = listeners_new(loop);
	r->counts = counts;
	/* half of them for connections, which take two each, half for sessions */
	const struct relay_tcp_limits limits = {.connections_max = least(RELAY_CONNECTIONS_MAX, descriptors / 4),
						.half_closed_s = RELAY_HALF_CLOSED_S,
						.idle_s = RELAY_IDLE_S};
	r->tcp = relay_tcp_new(loop, &counts->tcp, &limits);
	r->udp = relay_udp_new(loop, &counts->udp, least(RELAY_SESSIONS_MAX, descriptors / 2), RELAY_SESSION_IDLE_S);
	return r;
}

void relay_ports_free(struct relay_ports *r)
{
	struct port *p;
	size_t at = 0;

	while ((p = map_next(&r->ports, &at)) != NULL)
		port_close(p);
	map_fini(&r->ports);
	relay_tcp_free(r->tcp);
	relay_udp_free(r->udp);
	listeners_free(r->listeners);
	free(r);
}
