/* The side of the process that leaves. */
#include "daemon/hand_over.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd_message.h"
#include "base/inherited.h"
#include "base/log.h"
#include "daemon/daemon_private.h"
#include "daemon/fronts.h"
#include "daemon/steering.h"

#define SEND_LIMIT_MS 1000
#define HOLD_LIMIT_S 30. /* then a process that holds and does not go on is given up */
#define LOOK_S 0.05
#define LEAVE_LIMIT_MS 12000 /* an idle TCP connection ends after 10 s */

/* ---- it goes on alone ---- */

static void hang_up(struct hand_over *h, struct ev_loop *loop)
{
	ev_io_stop(loop, &h->successor);
	ev_timer_stop(loop, &h->limit);
	close(h->successor.fd);
	h->successor.fd = -1;
}

static void give_up(struct daemon *d, const char *why)
{
	struct hand_over *h = &d->hand_over;

	hang_up(h, d->loop);
	if (h->held) {
		log_warn("hand over: %s; this process goes on", why);
		h->held = false;
		daemon_turn(d);
	}
}

static void on_limit(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	give_up(w->data, "the process that takes over is stuck");
}

/* ---- leaving ---- */

static void on_look(struct ev_loop *loop, ev_timer *w, int events)
{
	struct daemon *d = w->data;
	const bool late = clock_ms() - d->hand_over.left_ms > LEAVE_LIMIT_MS;

	(void)events;
	if (d->server != NULL)
		server_is_alive(d->server); /* asks for what the next line looks at */
	if (d->server != NULL && !server_has_left(d->server) && !late)
		return;
	ev_timer_stop(loop, w);
	/* The first process of a container would be started again: it waits until it is told to end. */
	if (getpid() == 1)
		log_notice("hand over: done; waiting for the end of the container");
	else
		ev_break(loop, EVBREAK_ALL);
}

static bool leave(struct daemon *d)
{
	struct hand_over *h = &d->hand_over;

	inherited_set_shared();
	fronts_leave(d);
	h->left_ms = clock_ms();
	ev_timer_init(&h->look, on_look, LOOK_S, LOOK_S);
	h->look.data = d;
	ev_timer_start(d->loop, &h->look);
	log_notice("hand over: another process serves now; finishing what is here");
	return true;
}

/* ---- questions ---- */

static bool send_sockets(int to)
{
	int fds[INHERITED_MAX];
	const size_t count = inherited_copies(fds, INHERITED_MAX);
	bool sent = true;

	for (size_t at = 0; at < count; at += FD_MESSAGE_FDS_MAX) {
		const size_t left = count - at;
		sent = sent &&
		       fd_message_send(to, "sockets", fds + at, left < FD_MESSAGE_FDS_MAX ? left : FD_MESSAGE_FDS_MAX);
	}
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	return sent && fd_message_send(to, "end", NULL, 0);
}

static bool hold(struct daemon *d)
{
	log_notice("hand over: another process takes over");
	d->hand_over.held = true;
	ev_timer_again(d->loop, &d->hand_over.limit);
	return true;
}

static bool answer(struct daemon *d, const char *word)
{
	struct hand_over *h = &d->hand_over;
	const int fd = h->successor.fd;

	if (strcmp(word, "hold") == 0 && !h->held)
		return hold(d) && fd_message_send(fd, "ok", NULL, 0);
	if (strcmp(word, "sockets") == 0 && h->held)
		return send_sockets(fd);
	if (strcmp(word, "leave") == 0 && h->held && h->left_ms == 0)
		return leave(d) && fd_message_send(fd, "ok", NULL, 0);
	return false;
}

static void on_successor(struct ev_loop *loop, ev_io *w, int events)
{
	struct daemon *d = w->data;
	struct fd_message m;
	const bool got = fd_message_receive(w->fd, &m);

	(void)events;
	fd_message_close(&m); /* it has none to give */
	if (d->hand_over.left_ms != 0)
		hang_up(&d->hand_over, loop);
	else if (!got || !answer(d, m.word))
		give_up(d, "the process that took over is gone");
}

static void on_accept(struct ev_loop *loop, ev_io *w, int events)
{
	struct daemon *d = w->data;
	struct hand_over *h = &d->hand_over;
	int fd = fd_message_accept(w->fd);

	(void)events;
	if (fd >= 0 && h->successor.fd >= 0) {
		close(fd);
		return;
	}
	if (fd < 0)
		return;
	fd_message_limit(fd, SEND_LIMIT_MS);
	ev_io_init(&h->successor, on_successor, fd, EV_READ);
	h->successor.data = d;
	ev_io_start(loop, &h->successor);
}

/* ---- life ---- */

void hand_over_open(struct daemon *d)
{
	struct hand_over *h = &d->hand_over;

	if (d->config->take_over == NULL || h->open || h->failed)
		return;
	ev_init(&h->limit, on_limit);
	h->limit.repeat = HOLD_LIMIT_S;
	h->limit.data = d;
	int fd = fd_message_listen(d->config->take_over);
	h->failed = fd < 0;
	if (fd < 0) {
		log_warn("hand over: %s: %s", d->config->take_over, strerror(errno));
		return;
	}
	h->open = true;
	h->successor.fd = -1;
	ev_io_init(&h->accept, on_accept, fd, EV_READ);
	h->accept.data = d;
	ev_io_start(d->loop, &h->accept);
}

bool hand_over_is_held(const struct daemon *d)
{
	return d->hand_over.held;
}

/* Its path stays: it may be the next process's by now, and a dead one is replaced. */
void hand_over_close(struct daemon *d)
{
	struct hand_over *h = &d->hand_over;

	if (!h->open)
		return;
	if (h->successor.fd >= 0)
		hang_up(h, d->loop);
	ev_timer_stop(d->loop, &h->look);
	ev_io_stop(d->loop, &h->accept);
	close(h->accept.fd);
	h->open = false;
}
