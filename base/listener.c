/* Binds, accepts, pauses and retries, for everything that listens. */
#include "base/listener.h"

#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/inherited.h"
#include "base/log_about.h"
#include "base/mem.h"
#include "base/sock.h"

#define RETRY_S 5.0
#define PAUSE_S 0.1
#define BACKLOG 512

enum state { WAITING, LISTENING, PAUSED };

struct listener {
	struct listeners *group;
	struct listener_config config;
	char *what, *ns;
	enum state state;
	bool warned;		    /* its failure was logged */
	ev_io io;		    /* io.fd: -1 while waiting */
	TAILQ_ENTRY(listener) link; /* of the waiting or of the paused ones */
};

TAILQ_HEAD(listener_list, listener);

struct listeners {
	struct ev_loop *loop;
	struct listener_list waiting, paused;
	ev_timer retry; /* runs while some wait */
	ev_timer pause; /* runs while some are paused */
	bool starved;	/* the lack of descriptors was logged */
};

/* ---- sockets ---- */

static int close_keep_errno(int fd)
{
	const int saved = errno;

	close(fd);
	errno = saved;
	return -1;
}

static int socket_family(const struct listen_at *l, int family)
{
	const struct addr any = {.family = (uint8_t)family};
	const int on = 1, v6only = !l->dual;
	const int type = (l->datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
	struct sockaddr_storage ss;
	const struct addr_port at = {.addr = l->dual ? any : l->at.addr, .port = l->at.port};
	const socklen_t bytes = sock_address(&ss, &at.addr, at.port);
	int fd = inherited_take(&at, l->datagram);

	if (fd >= 0)
		return fd;
	fd = socket(family, type, 0);

	if (fd < 0)
		return -1;
	if ((l->datagram || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0) &&
	    (family == AF_INET || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only) == 0) &&
	    (l->prepare == NULL || l->prepare(fd)) && bind(fd, (struct sockaddr *)&ss, bytes) == 0 &&
	    (l->datagram || listen(fd, BACKLOG) == 0))
		return fd;
	return close_keep_errno(fd);
}

int listener_socket(const struct listen_at *at)
{
	int fd = socket_family(at, at->dual ? AF_INET6 : at->at.addr.family);

	if (at->dual && fd < 0 && errno != EADDRINUSE && !sock_is_starved(errno))
		fd = socket_family(at, AF_INET);
	if (fd >= 0 && at->at.port != 0)
		inherited_note(fd);
	return fd;
}

const char *listener_reason(int error)
{
	return error == EADDRINUSE ? "in use by another program" : strerror(error);
}

/* ---- accepting ---- */

static void pause_begin(struct listener *l)
{
	struct listeners *group = l->group;

	ev_io_stop(group->loop, &l->io);
	l->state = PAUSED;
	TAILQ_INSERT_TAIL(&group->paused, l, link);
	if (!ev_is_active(&group->pause))
		ev_timer_again(group->loop, &group->pause);
}

static void on_pause_end(struct ev_loop *loop, ev_timer *w, int events)
{
	struct listeners *group = w->data;

	(void)events;
	ev_timer_stop(loop, w);
	for (struct listener *l; (l = TAILQ_FIRST(&group->paused)) != NULL;) {
		TAILQ_REMOVE(&group->paused, l, link);
		l->state = LISTENING;
		ev_io_start(loop, &l->io);
	}
}

static bool has_room(const struct listener *l, bool starved)
{
	return l->config.room != NULL ? l->config.room(l->config.ctx, starved) : !starved;
}

/* One at a time: only a readable socket says that another one waits, and room is made for no other. */
static void on_connection(struct ev_loop *loop, ev_io *w, int events)
{
	struct listener *l = w->data;
	struct sockaddr_storage from = {0};
	socklen_t bytes = sizeof from;

	(void)events;
	if (!has_room(l, false)) {
		pause_begin(l);
		return;
	}
	int fd = accept4(w->fd, (struct sockaddr *)&from, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		l->config.accepted(l->config.ctx, fd, &from);
	else if (sock_is_starved(errno) && !has_room(l, true))
		pause_begin(l);
	else if (errno == EINVAL) /* shut down: nothing comes any more, and it stays readable until it is closed */
		ev_io_stop(loop, w);
}

static void on_datagram(struct ev_loop *loop, ev_io *w, int events)
{
	const struct listener *l = w->data;

	(void)loop, (void)events;
	l->config.readable(l->config.ctx, w->fd);
}

/* ---- binding ---- */

static void listen_begin(struct listener *l, int fd)
{
	l->state = LISTENING;
	ev_io_init(&l->io, l->config.accepted != NULL ? on_connection : on_datagram, fd, EV_READ);
	l->io.data = l;
	if (l->config.accepted != NULL || l->config.readable != NULL)
		ev_io_start(l->group->loop, &l->io);
}

static const char *at_format(const struct listen_at *l, char text[ADDR_PORT_TEXT_BYTES])
{
	if (!l->dual)
		return addr_port_format(&l->at.addr, l->at.port, text);
	snprintf(text, ADDR_PORT_TEXT_BYTES, ":%u", l->at.port);
	return text;
}

static void failure_log(struct listener *l, int error)
{
	char text[ADDR_PORT_TEXT_BYTES];
	struct listeners *group = l->group;
	const bool starved = sock_is_starved(error);

	if (l->warned || (starved && group->starved) || (error == EADDRINUSE && inherited_is_expected()))
		return;
	at_format(&l->config.at, text);
	if (starved) { /* the process's own line: the limit of one namespace does not hold for it */
		log_warn("descriptors: %s: cannot listen on %s: %s; retrying this and further ports", l->what, text,
			 listener_reason(error));
		group->starved = true;
		return;
	}
	if (log_about(LOG_WARN, l->ns))
		log_warn("%s: cannot listen on %s: %s; retrying", l->what, text, listener_reason(error));
	l->warned = true;
}

/* -1 with errno. */
static int socket_take(const struct listener_config *config)
{
	if (!config->of_service)
		return listener_socket(&config->at);
	if (!descriptors_take(1)) {
		errno = EMFILE;
		return -1;
	}
	int fd = listener_socket(&config->at);
	if (fd < 0)
		descriptors_give(1);
	return fd;
}

/* 0, or the error. */
static int bind_try(struct listener *l)
{
	char text[ADDR_PORT_TEXT_BYTES];
	int fd = socket_take(&l->config);

	if (fd < 0) {
		const int error = errno;
		failure_log(l, error);
		return error;
	}
	listen_begin(l, fd);
	if (l->warned && log_about(LOG_NOTICE, l->ns))
		log_notice("%s: now listening on %s", l->what, at_format(&l->config.at, text));
	l->warned = false;
	if (l->config.bound != NULL)
		l->config.bound(l->config.ctx, fd);
	return 0;
}

void listeners_retry(struct listeners *group)
{
	int error = 0;

	for (struct listener *l = TAILQ_FIRST(&group->waiting), *next; l != NULL && !sock_is_starved(error); l = next) {
		next = TAILQ_NEXT(l, link);
		error = bind_try(l);
		if (error == 0)
			TAILQ_REMOVE(&group->waiting, l, link);
	}
	if (!TAILQ_EMPTY(&group->waiting))
		return;
	ev_timer_stop(group->loop, &group->retry);
	if (group->starved)
		log_notice("descriptors: every port that waited for one listens now");
	group->starved = false;
}

static void on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	listeners_retry(w->data);
}

static struct listener *listener_make(struct listeners *group, const struct listener_config *config)
{
	struct listener *l = mem_alloc(sizeof *l);

	l->group = group;
	l->config = *config;
	l->what = mem_strdup(config->what);
	l->ns = config->ns != NULL ? mem_strdup(config->ns) : NULL;
	l->io.fd = -1;
	return l;
}

struct listener *listener_open(struct listeners *group, const struct listener_config *config)
{
	struct listener *l = listener_make(group, config);

	if (bind_try(l) == 0)
		return l;
	TAILQ_INSERT_TAIL(&group->waiting, l, link);
	if (!ev_is_active(&group->retry))
		ev_timer_again(group->loop, &group->retry);
	return l;
}

struct listener *listener_adopt(struct listeners *group, const struct listener_config *config, int fd)
{
	struct listener *l = listener_make(group, config);

	listen_begin(l, fd);
	return l;
}

int listener_fd(const struct listener *l)
{
	return l->io.fd;
}

void listener_close(struct listener *l)
{
	if (l == NULL)
		return;
	struct listeners *group = l->group;
	if (l->state == WAITING)
		TAILQ_REMOVE(&group->waiting, l, link);
	if (l->state == PAUSED)
		TAILQ_REMOVE(&group->paused, l, link);
	if (l->io.fd >= 0 && !l->config.gives) {
		ev_io_stop(group->loop, &l->io);
		close(l->io.fd);
		if (l->config.of_service)
			descriptors_give(1);
	}
	free(l->what);
	free(l->ns);
	free(l);
}

struct listeners *listeners_new(struct ev_loop *loop)
{
	struct listeners *group = mem_alloc(sizeof *group);

	group->loop = loop;
	TAILQ_INIT(&group->waiting);
	TAILQ_INIT(&group->paused);
	ev_timer_init(&group->retry, on_retry, 0, RETRY_S);
	ev_timer_init(&group->pause, on_pause_end, 0, PAUSE_S);
	group->retry.data = group->pause.data = group;
	return group;
}

void listeners_free(struct listeners *group)
{
	if (group == NULL)
		return;
	ev_timer_stop(group->loop, &group->retry);
	ev_timer_stop(group->loop, &group->pause);
	free(group);
}
