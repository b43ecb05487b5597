/*
 * HTTP requests in simulated time, in place of watch/api/fetch.c. The file that includes it is the server:
 * request_begins and request_step say what happens. In one file of a program.
 */
#ifndef TESTS_FAKE_FETCH_H
#define TESTS_FAKE_FETCH_H

#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "watch/api/fetch.h"

#include "simulated_time.h"

struct fetch {
	struct ev_loop *loop;
	struct fetch_request *requests; /* the newest first */
};

struct fetch_request {
	struct fetch *fetch;
	struct fetch_request *next, **link;
	struct fetch_handler handler;
	struct ev_timer step;
	char *url;
	uint64_t begin_ms, limit_ms; /* of the connection */
	bool connected, streams;     /* the server's */
	unsigned number;	     /* likewise */
};

static struct fetch the_fetch;

/* In how many milliseconds its first step is. */
static uint64_t request_begins(struct fetch_request *r);
static void request_step(struct fetch_request *r);

const char *fetch_url_fault(const char *url)
{
	(void)url;
	return NULL;
}

struct fetch *fetch_new(struct ev_loop *loop, const struct fetch_settings *settings, char error[ERROR_BYTES])
{
	(void)settings, (void)error;
	the_fetch = (struct fetch){.loop = loop};
	return &the_fetch;
}

void fetch_cancel(struct fetch_request *r)
{
	ev_timer_stop(r->fetch->loop, &r->step);
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	free(r->url);
	free(r);
}

void fetch_free(struct fetch *f)
{
	while (f != NULL && f->requests != NULL)
		fetch_cancel(f->requests);
}

void fetch_quiet_limit(struct fetch_request *r, uint32_t quiet_limit_ms)
{
	(void)r, (void)quiet_limit_ms;
}

static void request_end(struct fetch_request *r, struct fetch_end end)
{
	struct fetch_handler handler = r->handler;

	if (end.error == NULL)
		end.error = "";
	fetch_cancel(r);
	handler.end(handler.ctx, &end);
}

static void on_step(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop, (void)events;
	request_step(timer->data);
}

static void step_later(struct fetch_request *r, uint64_t wait_ms)
{
	ev_timer_stop(r->fetch->loop, &r->step);
	ev_timer_set(&r->step, (double)wait_ms / 1000.0, 0);
	ev_timer_start(r->fetch->loop, &r->step);
}

struct fetch_request *fetch_get(struct fetch *f, const char *url, const struct fetch_options *options,
				const struct fetch_handler *handler)
{
	struct fetch_request *r = mem_alloc(sizeof *r);

	r->fetch = f;
	r->handler = *handler;
	r->url = mem_strdup(url);
	r->begin_ms = clock_ms();
	r->limit_ms = options->connect_limit_ms;
	r->next = f->requests;
	r->link = &f->requests;
	if (r->next != NULL)
		r->next->link = &r->next;
	f->requests = r;
	ev_init(&r->step, on_step);
	r->step.data = r;
	step_later(r, request_begins(r));
	return r;
}

#endif
