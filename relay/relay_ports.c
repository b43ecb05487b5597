#include "relay/relay_ports.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/accept.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/sock.h"
#include "relay/relay.h"

#define RETRY_S 5.0
#define BACKLOG 512
#define ACCEPTS 16 /* per turn and port */

struct port {
	struct relay_ports *owner;
	struct relay_plan *plan;
	struct relay_choice choice;
	bool warned;
	ev_io io;
	struct relay_udp_port udp; /* udp.fd is the listening socket of TCP ports too; -1: not bound */
};

struct relay_ports {
	struct ev_loop *loop;
	struct relay_ports_counts *counts;
	struct map ports; /* by plan->key */
	struct relay_tcp *tcp;
	struct relay_udp *udp;
	ev_timer retry; /* runs while a port is not bound */
	ev_timer pause; /* runs while nothing is accepted */
};

static void listeners_count(const struct port *p, int by)
{
	atomic_uint_fast32_t *count = &p->owner->counts->listeners[p->plan->key.proto == IPPROTO_UDP];

	atomic_store(count, atomic_load(count) + (uint_fast32_t)by);
}

static bool is_tcp(const struct port *p)
{
	return p->plan->key.proto == IPPROTO_TCP;
}

/*
 * -1 with errno. Bound to lo: where somebody left route_localnet on, neighbours can send to 127.0.0.1 (CVE-2020-8558),
 * but not over lo.
 */
static int listen_open(const struct frontend_key *key)
{
	struct sockaddr_storage ss;
	const int on = 1;
	const char device[] = "lo";
	const bool tcp = key->proto == IPPROTO_TCP;
	const socklen_t length = sock_address(&ss, &key->addr, key->port);
	int fd = socket(key->addr.family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, sizeof device) == 0 &&
	    (!tcp || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0) &&
	    bind(fd, (void *)&ss, length) == 0 && (!tcp || listen(fd, BACKLOG) == 0))
		return fd;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static void port_bind(struct port *p)
{
	struct relay_ports *r = p->owner;
	char text[ADDR_PORT_TEXT_BYTES];

	addr_port_format(&p->plan->key.addr, p->plan->key.port, text);
	p->udp.fd = listen_open(&p->plan->key);
	if (p->udp.fd < 0) {
		if (!p->warned)
			log_warn("service %s: localhost node port %s %s: %s; retrying", p->plan->what, text,
				 proto_name(p->plan->key.proto), strerror(errno));
		p->warned = true;
		ev_timer_again(r->loop, &r->retry);
		return;
	}
	log_verbose("service %s: localhost node port %s %s", p->plan->what, text, proto_name(p->plan->key.proto));
	listeners_count(p, 1);
	ev_io_set(&p->io, p->udp.fd, EV_READ);
	if (!is_tcp(p) || !ev_is_active(&r->pause))
		ev_io_start(r->loop, &p->io);
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	struct relay_ports *r = w->data;
	struct port *p;
	size_t at = 0;

	(void)events;
	ev_timer_stop(loop, w);
	while ((p = map_next(&r->ports, &at)) != NULL)
		if (p->udp.fd < 0)
			port_bind(p);
}

/* Starts or stops to accept, on every TCP port. */
static void accept_all(struct relay_ports *r, bool accept)
{
	struct port *p;
	size_t at = 0;

	while ((p = map_next(&r->ports, &at)) != NULL) {
		if (!is_tcp(p) || p->udp.fd < 0)
			continue;
		if (accept)
			ev_io_start(r->loop, &p->io);
		else
			ev_io_stop(r->loop, &p->io);
	}
}

/* The table is full or descriptors have run out: clients wait in the backlog. */
static void accept_pause(struct relay_ports *r)
{
	accept_all(r, false);
	ev_timer_again(r->loop, &r->pause);
}

static void on_pause_end(struct ev_loop *loop, ev_timer *w, int events)
{
	struct relay_ports *r = w->data;

	(void)events;
	if (relay_tcp_full(r->tcp))
		return; /* looks again after the same time */
	ev_timer_stop(loop, w);
	accept_all(r, true);
}

static void accept_some(struct port *p)
{
	struct relay_ports *r = p->owner;

	for (int i = 0; i < ACCEPTS; i++) {
		if (relay_tcp_full(r->tcp)) {
			accept_pause(r);
			return;
		}
		int fd = accept4(p->udp.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (accept_starved(errno))
				accept_pause(r);
			return;
		}
		relay_tcp_connect(r->tcp, fd, relay_plan_pick(p->plan, &p->choice, clock_ms(), arc4random()));
	}
}

static void on_port(struct ev_loop *loop, ev_io *w, int events)
{
	struct port *p = w->data;

	(void)loop, (void)events;
	if (is_tcp(p))
		accept_some(p);
	else
		relay_udp_receive(p->owner->udp, &p->udp);
}

static void port_close(struct port *p)
{
	struct relay_ports *r = p->owner;

	relay_udp_close(&p->udp);
	if (p->udp.fd >= 0) {
		ev_io_stop(r->loop, &p->io);
		close(p->udp.fd);
		listeners_count(p, -1);
	}
	map_del(&r->ports, &p->plan->key, sizeof p->plan->key);
	relay_plan_free(p->plan);
	free(p);
}

static void port_open(struct relay_ports *r, struct relay_plan *plan)
{
	struct port *p = mem_alloc(sizeof *p);

	p->owner = r;
	p->plan = plan;
	p->udp = (struct relay_udp_port){.fd = -1, .plan = plan, .choice = &p->choice};
	ev_init(&p->io, on_port);
	p->io.data = p;
	map_put(&r->ports, &plan->key, sizeof plan->key, p);
	port_bind(p);
}

static void port_update(struct port *p, struct relay_plan *plan)
{
	struct relay_plan *old = p->plan;

	map_put(&p->owner->ports, &plan->key, sizeof plan->key, p);
	p->plan = plan;
	p->udp.plan = plan;
	relay_udp_review(&p->udp);
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

	r->loop = loop;
	r->counts = counts;
	ev_timer_init(&r->retry, on_retry, 0, RETRY_S);
	ev_timer_init(&r->pause, on_pause_end, 0, ACCEPT_PAUSE_S);
	r->retry.data = r->pause.data = r;
	/* half of them for connections, which take two each, half for sessions */
	r->tcp = relay_tcp_new(loop, &counts->tcp, least(RELAY_CONNECTIONS_MAX, descriptors / 4));
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
	ev_timer_stop(r->loop, &r->retry);
	ev_timer_stop(r->loop, &r->pause);
	free(r);
}
