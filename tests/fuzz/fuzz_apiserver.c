/*
 * The API server source against any HTTP responses: status, Retry-After, bodies in pieces, ends of every sort, in
 * simulated time. It goes on asking, never busily, and tells its sink lists that begin and end.
 *
 * Input: a byte of status, one of how it ends, two of length, then the body.
 */
#include "tests/fuzz/quiet_log.h"
#include "tests/unit/fake_fetch.h"
#include "watch/api/apiserver.h"
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

static unsigned input_byte(void)
{
	return input.at < input.size ? input.data[input.at++] : 0;
}

static bool tell(const struct fetch_request *r, const struct fetch_end *end, const char *body, size_t length)
{
	char *copy = malloc(length + 1); /* of its own: what reads behind its end is found */

	must(copy != NULL);
	memcpy(copy, body, length);
	const bool goes_on = length == 0 || r->handler.data(r->handler.ctx, end->status, copy, length);
	free(copy);
	return goes_on;
}

static void request_step(struct fetch_request *r)
{
	static const int statuses[] = {200, 200, 200, 200, 0, 410, 429, 503, 500, 403, 404, 422, 401, 204, 301, 504};
	unsigned status = input_byte(), how = input_byte(), pieces = 1 + how % 4;
	size_t length = input_byte() << 8 | input_byte();
	struct fetch_end end = {.status = statuses[status % 16],
				.whole = how<128, .silent = how> 224,
				.retry_after_ms = (how & 16) != 0 ? status * 100 : 0,
				.error = how < 128 ? "" : "cut"};

	length = length > input.size - input.at ? input.size - input.at : length;
	const char *body = (const char *)input.data + input.at;
	input.at += length;
	input.responses++;
	if (end.status == 0)
		end.whole = end.silent = false;
	else
		r->handler.answered(r->handler.ctx, end.status);
	for (unsigned i = 0; i < pieces && end.status != 0; i++) {
		const size_t from = length * i / pieces, to = length * (i + 1) / pieces;
		if (tell(r, &end, body + from, to - from))
			continue;
		end.whole = false;
		break;
	}
	request_end(r, end);
}

static uint64_t request_begins(struct fetch_request *r)
{
	must(strchr(r->url, '\n') == NULL && strchr(r->url, ' ') == NULL && r->limit_ms > 0);
	return 1;
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
