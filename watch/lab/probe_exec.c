/* Asks the helper to run commands, and takes what it says of them. */
#include "watch/lab/probe_exec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "watch/lab/exec_message.h"

#define GONE "the process that runs exec probes has ended"

struct exec_attempt {
	struct probe_attempt attempt;
	struct probe_exec *exec;
	struct probe_request request;
	int place;	/* where it runs; -1: nowhere */
	bool queued;	/* waits for a place */
	ev_timer timer; /* the end of it: of waiting, of what it may take, or at once */
	TAILQ_ENTRY(exec_attempt) link;
};

struct probe_exec {
	struct ev_loop *loop;
	struct exec_helper *helper;
	const char *problem; /* why nothing runs; NULL: it does */
	bool told;	     /* a line did, and none has been made since */
	int fd;
	ev_io results, room;	 /* room: for the next request, when there was none */
	bool taken[EXEC_PLACES]; /* the helper has something there */
	struct exec_attempt
		*running[EXEC_PLACES]; /* NULL in a place that is taken: nothing waits for its end any more */
	TAILQ_HEAD(, exec_attempt) waiting;
};

static void timer_set(struct exec_attempt *a, uint64_t after_ms)
{
	ev_now_update(a->exec->loop);
	ev_timer_stop(a->exec->loop, &a->timer);
	ev_timer_set(&a->timer, (double)after_ms / 1000, 0);
	ev_timer_start(a->exec->loop, &a->timer);
}

static void queue_leave(struct exec_attempt *a)
{
	if (a->queued)
		TAILQ_REMOVE(&a->exec->waiting, a, link);
	a->queued = false;
}

static bool request_send(struct probe_exec *x, const struct exec_request *r)
{
	static char bytes[EXEC_REQUEST_MAX_BYTES];
	const size_t length = exec_request_pack(bytes, r);

	return length != 0 && send(x->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}

/* Its command is ended by the helper; the place is free when the helper says so. */
static void on_cancel(struct probe_attempt *attempt)
{
	struct exec_attempt *a = (struct exec_attempt *)attempt;
	struct probe_exec *x = a->exec;

	queue_leave(a);
	if (a->place >= 0) {
		x->running[a->place] = NULL;
		(void)request_send(x, &(struct exec_request){.place = (uint32_t)a->place});
	}
	ev_timer_stop(x->loop, &a->timer);
	free(a);
}

static void end(struct exec_attempt *a, bool success, const char *why)
{
	const struct probe_request r = a->request;

	on_cancel(&a->attempt);
	r.end(r.ctx, success, why);
}

/* A line for the first of several. */
static void end_without(struct exec_attempt *a, const char *why)
{
	const struct probe_request r = a->request;
	struct probe_exec *x = a->exec;

	if (!x->told)
		log_warn("exec probes cannot be made, and what they said last holds: %s", why);
	x->told = true;
	on_cancel(&a->attempt);
	r.none(r.ctx, why);
}

/* ---- the helper is gone ---- */

static void attempt_fail(struct exec_attempt *a)
{
	queue_leave(a);
	a->place = -1;
	timer_set(a, 0);
}

static void helper_gone(struct probe_exec *x)
{
	struct exec_attempt *a;

	log_warn(
		"exec probes cannot be made any more, and what they said last holds: %s; a restart of the daemon makes "
		"another one",
		GONE);
	x->told = true;
	ev_io_stop(x->loop, &x->results);
	ev_io_stop(x->loop, &x->room);
	x->problem = GONE;
	atomic_store(&x->helper->gone, true);
	atomic_store(&x->helper->running, 0);
	for (size_t i = 0; i < EXEC_PLACES; i++)
		if (x->running[i] != NULL)
			attempt_fail(x->running[i]);
	while ((a = TAILQ_FIRST(&x->waiting)) != NULL)
		attempt_fail(a);
}

/* ---- requests ---- */

static int place_free(const struct probe_exec *x)
{
	for (int i = 0; i < EXEC_PLACES; i++)
		if (!x->taken[i])
			return i;
	return -1;
}

static bool command_send(struct exec_attempt *a, int place)
{
	const struct probe_request *r = &a->request;
	const struct probe_object *spec = r->spec;
	const uint16_t port_number = spec->port != 0 ? spec->port : r->port;
	struct exec_request request = {.place = (uint32_t)place, .timeout_ms = spec->timeout_ms};
	char address[ADDR_TEXT_BYTES], port[8] = "";

	if (port_number != 0)
		snprintf(port, sizeof port, "%u", port_number);
	request.netns = spec->netns != NULL ? spec->netns : "";
	request.address = addr_format(&r->addr, address);
	request.port = port;
	for (size_t i = 0; i < spec->command_count && i < PROBE_COMMAND_MAX; i++)
		request.command[i] = spec->command[i];
	return request_send(a->exec, &request);
}

static void waiting_begin(struct probe_exec *x)
{
	struct exec_attempt *a;
	int place;

	while (x->problem == NULL && (a = TAILQ_FIRST(&x->waiting)) != NULL && (place = place_free(x)) >= 0) {
		if (!command_send(a, place)) {
			if (errno == EAGAIN)
				ev_io_start(x->loop, &x->room);
			else
				helper_gone(x);
			return;
		}
		queue_leave(a);
		a->place = place;
		x->taken[place] = true;
		x->running[place] = a;
		atomic_fetch_add(&x->helper->running, 1);
		timer_set(a, a->request.spec->timeout_ms + PROBE_EXEC_GRACE_MS);
	}
}

static void on_room(struct ev_loop *loop, struct ev_io *io, int events)
{
	(void)events;
	ev_io_stop(loop, io);
	waiting_begin(io->data);
}

/* ---- results ---- */

static void result_take(struct probe_exec *x, const struct exec_result *r)
{
	struct exec_attempt *a = x->running[r->place];
	char why[PROBE_WHY_BYTES];

	x->taken[r->place] = false;
	x->running[r->place] = NULL;
	atomic_fetch_sub(&x->helper->running, 1);
	if (a == NULL)
		return;
	a->place = -1;
	const bool success = r->end == EXEC_EXITED && r->code == 0;
	exec_result_format(why, sizeof why, r);
	if (r->end == EXEC_NOT_STARTED) {
		end_without(a, why);
		return;
	}
	x->told = false;
	end(a, success, success ? "" : why);
}

static void on_result(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct probe_exec *x = io->data;
	char bytes[sizeof(struct exec_result) + 1];
	struct exec_result r;
	ssize_t n = recv(x->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	(void)loop, (void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !exec_result_unpack(&r, bytes, (size_t)n) || !x->taken[r.place]) {
		helper_gone(x);
		return;
	}
	result_take(x, &r);
	waiting_begin(x);
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct exec_attempt *a = timer->data;
	char why[PROBE_WHY_BYTES];

	(void)loop, (void)events;
	snprintf(why, sizeof why, "%d s in the queue of exec probes", PROBE_EXEC_WAIT_MS / 1000);
	if (a->exec->problem != NULL || a->queued)
		end_without(a, a->exec->problem != NULL ? a->exec->problem : why);
	else
		end(a, false, "timeout");
}

/* ---- its beginning and end ---- */

struct probe_attempt *probe_exec_start(struct probe_exec *x, const struct probe_request *r)
{
	struct exec_attempt *a = mem_alloc(sizeof *a);

	*a = (struct exec_attempt){
		.attempt = {on_cancel}, .exec = x, .request = *r, .place = -1, .queued = x->problem == NULL};
	ev_timer_init(&a->timer, on_timer, 0, 0);
	a->timer.data = a;
	if (!a->queued) {
		timer_set(a, 0);
		return &a->attempt;
	}
	TAILQ_INSERT_TAIL(&x->waiting, a, link);
	timer_set(a, PROBE_EXEC_WAIT_MS);
	waiting_begin(x);
	return &a->attempt;
}

struct probe_exec *probe_exec_new(struct ev_loop *loop, struct exec_helper *helper)
{
	struct probe_exec *x = mem_alloc(sizeof *x);

	x->loop = loop;
	x->helper = helper;
	x->fd = helper != NULL ? helper->fd : -1;
	if (x->fd < 0)
		x->problem =
			helper != NULL && helper->problem != NULL ? helper->problem : "exec probes are not allowed";
	TAILQ_INIT(&x->waiting);
	ev_io_init(&x->results, on_result, x->fd, EV_READ);
	ev_io_init(&x->room, on_room, x->fd, EV_WRITE);
	x->results.data = x->room.data = x;
	if (x->problem == NULL)
		ev_io_start(loop, &x->results);
	return x;
}

void probe_exec_free(struct probe_exec *x)
{
	if (x == NULL)
		return;
	ev_io_stop(x->loop, &x->results);
	ev_io_stop(x->loop, &x->room);
	free(x);
}
