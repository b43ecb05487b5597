/* Waits for libcurl's sockets and timers. */
#include "watch/curl_loop.h"

#include <stdlib.h>

#include "base/mem.h"

struct curl_socket {
	struct ev_io io;
	struct curl_loop *owner;
};

/* Transfers that curl has finished. */
static void finished_reap(struct curl_loop *c)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
		void *request = NULL;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
		c->ended(request, code);
	}
}

static void on_socket(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct curl_socket *s = io->data;
	struct curl_loop *c = s->owner; /* s may be freed by what follows */
	int running, flags = 0;

	(void)loop;
	if ((events & EV_READ) != 0)
		flags |= CURL_CSELECT_IN;
	if ((events & EV_WRITE) != 0)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(c->multi, io->fd, flags, &running);
	finished_reap(c);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct curl_loop *c = timer->data;
	int running;

	(void)loop;
	(void)events;
	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finished_reap(c);
}

/* curl says which socket it wants to hear of. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
	struct curl_loop *c = ctx;
	struct curl_socket *s = assigned;

	(void)easy;
	if (s != NULL)
		ev_io_stop(c->loop, &s->io);
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(c->multi, fd, NULL);
		free(s);
		return 0;
	}
	if (s == NULL) {
		s = mem_alloc(sizeof *s);
		s->owner = c;
		curl_multi_assign(c->multi, fd, s);
	}
	int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
	ev_io_init(&s->io, on_socket, fd, events);
	s->io.data = s;
	ev_io_start(c->loop, &s->io);
	return 0;
}

static int want_timer(CURLM *multi, long wait_ms, void *ctx)
{
	struct curl_loop *c = ctx;

	(void)multi;
	ev_timer_stop(c->loop, &c->timer);
	if (wait_ms >= 0) {
		ev_timer_set(&c->timer, (double)wait_ms / 1000.0, 0);
		ev_timer_start(c->loop, &c->timer);
	}
	return 0;
}

bool curl_loop_init(struct curl_loop *c, struct ev_loop *loop, void (*ended)(void *request, CURLcode code))
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return false;
	c->loop = loop;
	c->ended = ended;
	ev_timer_init(&c->timer, on_timer, 0, 0);
	c->timer.data = c;
	c->multi = mem_made(curl_multi_init());
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, want_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	return true;
}

void curl_loop_fini(struct curl_loop *c)
{
	curl_multi_cleanup(c->multi); /* closes idle connections: want_socket and want_timer are still called */
	ev_timer_stop(c->loop, &c->timer);
	curl_global_cleanup();
}
