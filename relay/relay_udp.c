/* Keeps UDP sessions and passes their datagrams on. */
#include "relay/relay_udp.h"

#include <errno.h>
#include <ev.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr_port.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/outgoing.h"
#include "base/sock.h"

#define DATAGRAM_BYTES 65536
#define BURST 64 /* datagrams per turn and socket */

struct session {
	struct relay_udp *udp;
	struct relay_udp_port *port;
	struct addr_port client;
	struct target target;
	int fd; /* connected to the target */
	ev_io io;
	uint64_t used_ms;
	TAILQ_ENTRY(session) link; /* in order of use */
};

struct relay_udp {
	struct ev_loop *loop;
	struct relay_udp_counts *counts;
	unsigned open, sessions_max;
	uint64_t idle_ms;
	ev_timer idle;
	TAILQ_HEAD(, session) sessions; /* the one idle for longest first */
	char datagram[DATAGRAM_BYTES];
};

static void count(atomic_uint_fast64_t *c)
{
	atomic_fetch_add_explicit(c, 1, memory_order_relaxed);
}

static void open_set(struct relay_udp *u, unsigned open)
{
	u->open = open;
	atomic_store_explicit(&u->counts->open, open, memory_order_relaxed);
}

static void session_close(struct session *s)
{
	struct relay_udp *u = s->udp;

	ev_io_stop(u->loop, &s->io);
	close(s->fd);
	map_del(&s->port->sessions, &s->client, sizeof s->client);
	TAILQ_REMOVE(&u->sessions, s, link);
	open_set(u, u->open - 1);
	free(s);
}

static void session_used(struct session *s)
{
	s->used_ms = clock_ms();
	TAILQ_REMOVE(&s->udp->sessions, s, link);
	TAILQ_INSERT_TAIL(&s->udp->sessions, s, link);
}

/* Answers of the endpoint go back through the socket that the client knows. */
static void on_answer(struct ev_loop *loop, ev_io *w, int events)
{
	struct session *s = w->data;
	struct relay_udp *u = s->udp;
	struct sockaddr_storage ss;
	const socklen_t length = sock_address(&ss, &s->client.addr, s->client.port);

	(void)loop, (void)events;
	for (int i = 0; i < BURST; i++) {
		ssize_t n = recv(s->fd, u->datagram, sizeof u->datagram, 0);
		if (n < 0) {
			if (!sock_again(errno))
				session_close(s); /* refused: the next datagram picks again */
			return;
		}
		if (sendto(s->port->fd, u->datagram, (size_t)n, 0, (void *)&ss, length) != n)
			count(&u->counts->dropped);
		session_used(s);
	}
}

static int target_connect(const struct target *to)
{
	struct sockaddr_storage ss;
	const socklen_t length = sock_address(&ss, &to->addr, to->port);
	int fd = outgoing_socket(to->addr.family, SOCK_DGRAM);

	if (fd >= 0 && connect(fd, (void *)&ss, length) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void evict(struct relay_udp *u)
{
	session_close(TAILQ_FIRST(&u->sessions));
	count(&u->counts->evicted);
}

/* NULL: the endpoint cannot be reached from here, or no descriptor is left. */
static struct session *session_open(struct relay_udp *u, struct relay_udp_port *port, const struct addr_port *client)
{
	const struct target *to = relay_plan_pick(port->plan, port->choice, clock_ms(), arc4random());

	if (u->open >= u->sessions_max)
		evict(u);
	int fd = target_connect(to);
	if (fd < 0 && sock_is_starved(errno) && u->open > 0) {
		evict(u);
		fd = target_connect(to);
	}
	if (fd < 0)
		return NULL;
	struct session *s = mem_alloc(sizeof *s);
	*s = (struct session){.udp = u, .port = port, .client = *client, .target = *to, .fd = fd};
	ev_io_init(&s->io, on_answer, fd, EV_READ);
	s->io.data = s;
	ev_io_start(u->loop, &s->io);
	map_put(&port->sessions, &s->client, sizeof s->client, s);
	TAILQ_INSERT_TAIL(&u->sessions, s, link);
	open_set(u, u->open + 1);
	count(&u->counts->sessions);
	if (!ev_is_active(&u->idle))
		ev_timer_again(u->loop, &u->idle);
	return s;
}

static void pass_on(struct relay_udp *u, struct relay_udp_port *port, const struct addr_port *client,
		    size_t length_bytes)
{
	struct session *s = map_get(&port->sessions, client, sizeof *client);

	if (s == NULL)
		s = session_open(u, port, client);
	if (s == NULL) {
		count(&u->counts->dropped);
		return;
	}
	session_used(s);
	if (send(s->fd, u->datagram, length_bytes, 0) >= 0)
		return;
	count(&u->counts->dropped);
	if (!sock_again(errno))
		session_close(s);
}

void relay_udp_receive(struct relay_udp *u, struct relay_udp_port *port)
{
	for (int i = 0; i < BURST; i++) {
		struct sockaddr_storage ss;
		socklen_t length = sizeof ss;
		struct addr_port client = {.zero = 0};
		ssize_t n = recvfrom(port->fd, u->datagram, sizeof u->datagram, 0, (void *)&ss, &length);
		if (n < 0)
			return;
		client.port = sock_parse(&client.addr, &ss);
		pass_on(u, port, &client, (size_t)n);
	}
}

void relay_udp_review(struct relay_udp_port *port)
{
	struct session *s;
	size_t at = 0;

	while ((s = map_next(&port->sessions, &at)) != NULL)
		if (!relay_plan_serves(port->plan, &s->target))
			session_close(s);
}

void relay_udp_close(struct relay_udp_port *port)
{
	struct session *s;
	size_t at = 0;

	while ((s = map_next(&port->sessions, &at)) != NULL)
		session_close(s);
	map_fini(&port->sessions);
}

static void on_idle(struct ev_loop *loop, ev_timer *w, int events)
{
	struct relay_udp *u = w->data;
	const uint64_t now_ms = clock_ms();
	struct session *s;

	(void)events;
	while ((s = TAILQ_FIRST(&u->sessions)) != NULL && now_ms - s->used_ms >= u->idle_ms)
		session_close(s);
	if (s == NULL)
		ev_timer_stop(loop, w);
}

struct relay_udp *relay_udp_new(struct ev_loop *loop, struct relay_udp_counts *counts, unsigned sessions_max,
				double idle_s)
{
	struct relay_udp *u = mem_alloc(sizeof *u);

	u->loop = loop;
	u->counts = counts;
	u->sessions_max = sessions_max;
	u->idle_ms = (uint64_t)(idle_s * 1e3);
	TAILQ_INIT(&u->sessions);
	ev_timer_init(&u->idle, on_idle, 0, idle_s / 4);
	u->idle.data = u;
	return u;
}

void relay_udp_free(struct relay_udp *u)
{
	ev_timer_stop(u->loop, &u->idle);
	free(u);
}
