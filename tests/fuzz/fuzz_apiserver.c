/*
 * The API server source against any HTTP responses: status, Retry-After, bodies in pieces, ends of every sort, in
 * simulated time. It goes on asking, never busily, and tells its sink lists that begin and end.
 *
 * Input: a byte of status, one of how it ends, two of length, then the body.
 */
#include <ev.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/fuzz/quiet_log.h"
#include "tests/unit/simulated_time.h"
#include "watch/api/apiserver.h"
#include "watch/api/fetch.h"
#include "watch/identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RESPONSES_MAX 40u
#define RUN_MS 3600000ULL

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- a server made of the input ---- */

static struct input {
	const uint8_t *data;
	size_t size, at;
	unsigned responses;
} input;

struct fetch {
	struct ev_loop *loop;
	struct fetch_request *requests;
};

struct fetch_request {
	struct fetch *fetch;
	struct fetch_request *next, **link;
	struct fetch_handler handler;
	struct ev_timer step;
};

const char *fetch_url_fault(const char *url)
{
	(void)url;
	return NULL;
}

struct fetch *fetch_new(struct ev_loop *loop, const struct fetch_settings *settings, char error[ERROR_BYTES])
{
	static struct fetch f;

	(void)settings;
	(void)error;
	f = (struct fetch){.loop = loop};
	return &f;
}

void fetch_cancel(struct fetch_request *r)
{
	ev_timer_stop(r->fetch->loop, &r->step);
	*r->link = r->next;
	if (r->next != NULL)
		r->next->link = r->link;
	free(r);
}

void fetch_free(struct fetch *f)
{
	while (f != NULL && f->requests != NULL)
		fetch_cancel(f->requests);
}

void fetch_quiet_limit(struct fetch_request *r, uint32_t quiet_limit_ms)
{
	(void)r;
	(void)quiet_limit_ms;
}

static unsigned input_byte(void)
{
	return input.at < input.size ? input.data[input.at++] : 0;
}

static void on_step(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	static const int statuses[] = {200, 200, 200, 200, 0, 410, 429, 503, 500, 403, 404, 422, 401, 204, 301, 504};
	struct fetch_request *r = timer->data;
	struct fetch_handler handler = r->handler;
	unsigned status = input_byte(), how = input_byte(), pieces = 1 + how % 4;
	size_t length = input_byte() << 8 | input_byte();
	struct fetch_end end = {.status = statuses[status % 16],
				.whole = how<128, .silent = how> 224,
				.retry_after_ms = (how & 16) != 0 ? status * 100 : 0,
				.error = how < 128 ? "" : "cut"};

	(void)loop;
	(void)events;
	length = length > input.size - input.at ? input.size - input.at : length;
	const char *body = (const char *)input.data + input.at;
	input.at += length;
	input.responses++;
	if (end.status == 0)
		end.whole = end.silent = false;
	else
		handler.answered(handler.ctx, end.status);
	for (unsigned i = 0; i < pieces && end.status != 0; i++) {
		size_t from = length * i / pieces, to = length * (i + 1) / pieces;
		char *copy = malloc(to - from + 1);
		must(copy != NULL);
		memcpy(copy, body + from, to - from);
		bool goes_on = to == from || handler.data(handler.ctx, end.status, copy, to - from);
		free(copy);
		if (!goes_on) {
			end.whole = false;
			break;
		}
	}
	fetch_cancel(r);
	handler.end(handler.ctx, &end);
}

struct fetch_request *fetch_get(struct fetch *f, const char *url, const struct fetch_options *options,
				const struct fetch_handler *handler)
{
	struct fetch_request *r = calloc(1, sizeof *r);

	must(r != NULL && strchr(url, '\n') == NULL && strchr(url, ' ') == NULL && options->connect_limit_ms > 0);
	r->fetch = f;
	r->handler = *handler;
	r->next = f->requests;
	r->link = &f->requests;
	if (r->next != NULL)
		r->next->link = &r->next;
	f->requests = r;
	ev_timer_init(&r->step, on_step, 0.001, 0);
	r->step.data = r;
	ev_timer_start(f->loop, &r->step);
	return r;
}

/* ---- the sink ---- */

static bool listing[OBJECT_KINDS];

static void upsert(void *ctx, struct object *o)
{
	(void)ctx;
	must(identity_wrong(o) == NULL);
	object_free(o);
}

static void named(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	(void)ctx;
	must(kind < OBJECT_KINDS && ns != NULL && name[0] != '\0');
}

static void list_begin(void *ctx, enum object_kind kind)
{
	(void)ctx;
	listing[kind] = true;
}

static void list_end(void *ctx, enum object_kind kind)
{
	(void)ctx;
	must(listing[kind]);
	listing[kind] = false;
}

static void nothing(void *ctx)
{
	(void)ctx;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct apiserver_config config = {
		.loop = ev_default_loop(0),
		.sink = {NULL, upsert, named, named, list_begin, list_end, nothing, nothing},
		.node_name = "node-a",
		.proxy_only = size % 2 != 0,
	};
	struct credentials credentials = {0};
	char error[ERROR_BYTES];

	simulated = true;
	input = (struct input){data, size, 0, 0};
	lines = 0;
	memset(listing, 0, sizeof listing);
	credentials_set(&credentials.server, "https://10.0.0.1");
	struct apiserver *a = apiserver_new(&config, &credentials, error);
	must(a != NULL);
	uint64_t begin_ms = clock_ms();
	while (input.responses < RESPONSES_MAX && input.at < input.size && clock_ms() - begin_ms < RUN_MS)
		ev_run(config.loop, EVRUN_ONCE);
	must(lines <= 20 + 12 * (input.responses + 1));
	apiserver_free(a);
	simulated = false;
	return 0;
}
