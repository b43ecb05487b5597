/* The side of the process that starts. */
#include "daemon/take_over.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd_message.h"
#include "base/inherited.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon/daemon_private.h"
#include "daemon/dns_server.h"
#include "daemon/fd_store.h"
#include "daemon/fronts.h"
#include "daemon/hand_over.h"
#include "daemon/steering.h"

#define LIMIT_MS 2000
#define REST_S 10.
#define STORED_LIMIT_S 5. /* then they are served as they are: names of the cluster SERVFAIL until it is in sync */

static void sockets_use(struct daemon *d)
{
	dns_server_retry(d);
	observe_retry(d->observe);
	steering_update(d);
}

static void on_rest(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)w, (void)events;
	inherited_close();
}

/* Sockets of Services' ports are taken when they are bound, within seconds. */
static void rest_start(struct daemon *d)
{
	ev_timer_init(&d->take_over.rest, on_rest, REST_S, 0);
	ev_timer_start(d->loop, &d->take_over.rest);
}

/* ---- what systemd kept ---- */

static void stored_use(struct daemon *d)
{
	struct take_over *t = &d->take_over;

	log_info("systemd: %zu sockets of the process before", t->stored_count);
	for (size_t i = 0; i < t->stored_count; i++)
		inherited_add(t->stored[i]);
	free(t->stored);
	t->stored = NULL;
	t->stored_count = 0;
	ev_timer_stop(d->loop, &t->stored_late);
	inherited_set_expected(t->fd >= 0);
	sockets_use(d);
	rest_start(d);
}

static void on_stored_late(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	stored_use(w->data);
}

static void stored_open(struct daemon *d)
{
	struct take_over *t = &d->take_over;

	t->stored = mem_array(INHERITED_MAX, sizeof *t->stored);
	t->stored_count = fd_store_take(t->stored, INHERITED_MAX);
	if (t->stored_count == 0) {
		free(t->stored);
		t->stored = NULL;
		return;
	}
	inherited_set_expected(true);
	ev_timer_init(&t->stored_late, on_stored_late, STORED_LIMIT_S, 0);
	t->stored_late.data = d;
	ev_timer_start(d->loop, &t->stored_late);
}

/* ---- the process that runs ---- */

void take_over_open(struct daemon *d)
{
	const char *path = d->config->take_over;

	stored_open(d);
	d->take_over.fd = path != NULL ? fd_message_connect(path) : -1;
	if (d->take_over.fd >= 0) {
		fd_message_limit(d->take_over.fd, LIMIT_MS);
		inherited_set_expected(true);
		log_notice("take over: the process at %s is replaced once this one is in sync", path);
	} else if (path != NULL && errno != ENOENT && errno != ECONNREFUSED) {
		log_warn("take over: %s: %s", path, strerror(errno));
	}
}

static void end(struct daemon *d)
{
	close(d->take_over.fd);
	d->take_over.fd = -1;
	inherited_set_expected(false);
}

static void fail(struct daemon *d)
{
	end(d);
	inherited_close();
	fronts_taken_over(d); /* it may have ended; else this is fatal where both have one control socket */
}

static bool ask(struct daemon *d, const char *word)
{
	struct fd_message m = {0};
	const bool got = fd_message_send(d->take_over.fd, word, NULL, 0) && fd_message_receive(d->take_over.fd, &m);

	fd_message_close(&m);
	if (got && strcmp(m.word, "ok") == 0)
		return true;
	log_warn("take over: the running process does not answer (%s): %s", word,
		 errno != 0 ? strerror(errno) : "it hung up");
	fail(d);
	return false;
}

void take_over_before_sync(struct daemon *d)
{
	if (d->take_over.fd >= 0 && !d->take_over.held && store_is_complete(d->store))
		d->take_over.held = ask(d, "hold");
}

static bool receive_sockets(struct daemon *d, size_t *count)
{
	struct fd_message m;

	*count = 0;
	if (!fd_message_send(d->take_over.fd, "sockets", NULL, 0))
		return false;
	do {
		if (!fd_message_receive(d->take_over.fd, &m))
			return false;
		for (size_t i = 0; i < m.fd_count; i++)
			inherited_add(m.fds[i]);
		*count += m.fd_count;
	} while (strcmp(m.word, "sockets") == 0);
	return strcmp(m.word, "end") == 0;
}

/* Its answer, or its end. */
static void on_left(struct ev_loop *loop, ev_io *w, int events)
{
	struct daemon *d = w->data;
	struct fd_message m;
	const bool left = fd_message_receive(w->fd, &m) && strcmp(m.word, "ok") == 0;

	(void)events;
	fd_message_close(&m);
	ev_io_stop(loop, w);
	end(d);
	log_notice("take over: %s", left ? "done" : "done: the process before ended early");
	fronts_taken_over(d);
	hand_over_open(d);
	rest_start(d);
}

/* This thread goes on: it has steering to renew. */
static void send_leave(struct daemon *d)
{
	struct take_over *t = &d->take_over;

	if (!fd_message_send(t->fd, "leave", NULL, 0)) {
		fail(d);
		return;
	}
	t->leaving = true;
	ev_io_init(&t->left, on_left, t->fd, EV_READ);
	t->left.data = d;
	ev_io_start(d->loop, &t->left);
}

void take_over_after_sync(struct daemon *d)
{
	size_t count;

	if (d->take_over.stored_count > 0 && sync_stats(d->sync)->done)
		stored_use(d);
	if (d->take_over.fd < 0 && sync_stats(d->sync)->done && dns_server_complete(d))
		hand_over_open(d); /* this one serves, and may be replaced */
	if (d->take_over.fd < 0 || !d->take_over.held || d->take_over.leaving || !sync_stats(d->sync)->done)
		return;
	if (!receive_sockets(d, &count)) {
		log_warn("take over: the running process does not hand over its sockets");
		fail(d);
		return;
	}
	log_info("take over: %zu sockets of the process before", count);
	sockets_use(d);
	send_leave(d);
}
