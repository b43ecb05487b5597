#include "watch/api/apiserver_watcher.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define ANSWER_BYTES 4096
#define WATCH_QUIET_MS 150000
#define LIST_QUIET_MS 30000
#define WARN_AGAIN_MS 600000

static const struct sink *sink_of(const struct watcher *f)
{
	return &f->apiserver->config.sink;
}

static const char *kind_of(const struct watcher *f)
{
	return f->resource.plural;
}

static uint32_t quiet_limit_ms(const struct watcher *f)
{
	const struct apiserver_config *config = &f->apiserver->config;

	if (f->reflector.phase == REFLECTOR_WATCH)
		return config->watch_quiet_ms != 0 ? config->watch_quiet_ms : WATCH_QUIET_MS;
	return config->list_quiet_ms != 0 ? config->list_quiet_ms : LIST_QUIET_MS;
}

static void object_upsert(struct watcher *f, struct span json)
{
	struct object_name n;
	struct object *o = NULL;
	enum object_verdict verdict = object_read(f->apiserver->reader, f->resource.kind, json, &o);

	apiserver_touched(f->apiserver);
	if (verdict == OBJECT_USABLE)
		sink_of(f)->upsert(sink_of(f)->ctx, o);
	else if (!object_name_read(json, &n))
		return; /* logged by object_read; without a name there is nothing to keep */
	else if (verdict == OBJECT_UNUSABLE)
		sink_of(f)->keep(sink_of(f)->ctx, f->resource.kind, n.ns, n.name);
	else
		sink_of(f)->remove(sink_of(f)->ctx, f->resource.kind, n.ns, n.name);
}

static void object_remove(struct watcher *f, struct span json)
{
	struct object_name n;

	if (!object_name_read(json, &n))
		return;
	apiserver_touched(f->apiserver);
	sink_of(f)->remove(sink_of(f)->ctx, f->resource.kind, n.ns, n.name);
}

/* Only the front of it is here: enough to know that it is gone, or whose last good version has to stay. */
static void object_cut(struct watcher *f, struct span front)
{
	struct event e = {.type = EVENT_MODIFIED, .object = front};
	struct object_name n;

	if ((reflector_expects_events(&f->reflector) && !event_read(front, &e)) || !object_name_read(e.object, &n))
		return;
	apiserver_touched(f->apiserver);
	if (e.type == EVENT_DELETED) {
		sink_of(f)->remove(sink_of(f)->ctx, f->resource.kind, n.ns, n.name);
		return;
	}
	log_warn("%s %s%s%s: larger than %zu MiB; its last good version stays", object_kind_name(f->resource.kind),
		 n.ns, n.ns[0] != '\0' ? "/" : "", n.name, STREAM_VALUE_LIMIT_BYTES >> 20);
	sink_of(f)->keep(sink_of(f)->ctx, f->resource.kind, n.ns, n.name);
}

static void counted(struct watcher *f)
{
	if (f->counted)
		return;
	f->counted = true;
	apiserver_counted(f->apiserver);
}

static void list_ended(struct watcher *f)
{
	log_debug("apiserver: %s: listed, version %s", kind_of(f), f->reflector.version);
	f->apiserver->lists++;
	metric_inc(f->apiserver->list_count[f->resource.kind]);
	apiserver_touched(f->apiserver);
	sink_of(f)->list_end(sink_of(f)->ctx, f->resource.kind);
	counted(f);
	if (f->request != NULL && !f->reflector.page_request) /* a streaming list: goes on as a watch */
		fetch_quiet_limit(f->request, quiet_limit_ms(f));
}

static bool on_event(struct watcher *f, struct span value)
{
	struct event e;

	if (!event_read(value, &e)) {
		log_debug("apiserver: %s: a value that is no event", kind_of(f));
		return false;
	}
	f->apiserver->events++;
	metric_inc(f->apiserver->event_count[f->resource.kind]);
	switch (reflector_event(&f->reflector, &e)) {
	case REFLECTOR_UPSERT:
		object_upsert(f, e.object);
		return true;
	case REFLECTOR_REMOVE:
		object_remove(f, e.object);
		return true;
	case REFLECTOR_LIST_END:
		list_ended(f);
		return true;
	case REFLECTOR_GIVE_UP:
		buf_clear(&f->answer);
		buf_add(&f->answer, e.object.bytes, e.object.length_bytes);
		return false;
	default:
		return true;
	}
}

static bool on_value(void *ctx, struct span value, bool cut)
{
	struct watcher *f = ctx;

	if (cut)
		object_cut(f, value);
	else if (reflector_expects_events(&f->reflector))
		return on_event(f, value);
	else if (reflector_object(&f->reflector))
		object_upsert(f, value);
	return f->reflector.problem == NULL;
}

static bool on_data(void *ctx, int status, const char *bytes, size_t length_bytes)
{
	struct watcher *f = ctx;

	apiserver_heard(f->apiserver);
	if (status != 200) {
		size_t room =
			ANSWER_BYTES - (f->answer.length_bytes < ANSWER_BYTES ? f->answer.length_bytes : ANSWER_BYTES);
		buf_add(&f->answer, bytes, length_bytes < room ? length_bytes : room);
		return length_bytes <= room; /* a refusal that never ends */
	}
	if (f->begins) {
		f->begins = false;
		apiserver_touched(f->apiserver);
		sink_of(f)->list_begin(sink_of(f)->ctx, f->resource.kind);
	}
	return stream_feed(&f->stream, bytes, length_bytes);
}

/* The whole document is here: does it end the list, or is there another page? False: it is no list. */
static bool page_ended(struct watcher *f)
{
	if (!stream_complete(&f->stream))
		return false;
	switch (reflector_page(&f->reflector, stream_frame(&f->stream))) {
	case REFLECTOR_LIST_END:
		list_ended(f);
		return true;
	case REFLECTOR_NOTHING:
		return true;
	default:
		return false;
	}
}

/* What the server said, in words: the message of a Status, or the start of whatever it is. */
static void message_read(const struct watcher *f, char *text, size_t room_bytes)
{
	struct span answer = {f->answer.data, f->answer.length_bytes};

	text[0] = '\0';
	if (answer.length_bytes > 0 && !span_member_text(answer, "message", text, room_bytes))
		snprintf(text, room_bytes, "%.*s", answer.length_bytes < 80 ? (int)answer.length_bytes : 80,
			 answer.bytes);
}

/* What is wrong with a success; NULL: nothing. */
static const char *problem_of(const struct watcher *f)
{
	return f->reflector.problem != NULL ? f->reflector.problem : f->stream.error;
}

static void failure_describe(const struct watcher *f, const struct fetch_end *end, int code, struct buf *text)
{
	const struct reflector_resource *resource = &f->resource;
	char message[PROBLEM_BYTES / 2];

	message_read(f, message, sizeof message);
	buf_printf(text, "apiserver: %s: ", kind_of(f));
	if (code == 403)
		buf_printf(text, "forbidden: the role needs the verb %s on %s%s%s: %s",
			   f->reflector.page_request ? "list" : "watch", resource->plural,
			   resource->group[0] != '\0' ? " of API group " : "", resource->group, message);
	else if (code == 401)
		buf_printf(text, "unauthorized: the server does not accept the token or certificate: %s", message);
	else if (code != 0)
		buf_printf(text, "answer %d: %s", code, message);
	else if (problem_of(f) != NULL)
		buf_printf(text, "malformed answer: %s", problem_of(f));
	else
		buf_printf(text, "%s", end->error[0] != '\0' ? end->error : "ended early");
}

/* Failures to reach the server are told once for all kinds (apiserver_unreached); others once per kind and code. */
static void failure_log(struct watcher *f, const struct fetch_end *end, int code, uint32_t wait_ms)
{
	uint64_t now_ms = clock_ms();
	struct buf text = {0};
	bool again = code != f->warned_code || f->warned_ms == 0 || now_ms - f->warned_ms >= WARN_AGAIN_MS;

	failure_describe(f, end, code, &text);
	if (end->status != 0 && again && (code != 0 || problem_of(f) != NULL || end->excess)) {
		f->warned_code = code;
		f->warned_ms = now_ms;
		log_warn("%s; trying again", text.data);
	}
	log_debug("%s; next try in %u ms", text.data, wait_ms);
	snprintf(f->apiserver->problem, sizeof f->apiserver->problem, "%s", text.data);
	buf_fini(&text);
}

static void next_log(const struct watcher *f, enum reflector_next next)
{
	if (next == REFLECTOR_EXPIRED)
		log_info("apiserver: %s: the server no longer has version %s: listing again", kind_of(f),
			 f->reflector.version);
	else if (next == REFLECTOR_NO_STREAM)
		log_info("apiserver: %s: no streaming lists here: listing by pages", kind_of(f));
	else if (next == REFLECTOR_ABSENT && !f->counted)
		log_info("apiserver: %s: unknown to the server: taken as none", kind_of(f));
}

static void absent(struct watcher *f)
{
	apiserver_touched(f->apiserver);
	sink_of(f)->list_begin(sink_of(f)->ctx, f->resource.kind);
	sink_of(f)->list_end(sink_of(f)->ctx, f->resource.kind);
	counted(f);
}

static void watcher_wait(struct watcher *f, uint32_t wait_ms)
{
	ev_timer_stop(f->apiserver->config.loop, &f->retry);
	ev_timer_set(&f->retry, wait_ms / 1000.0, 0);
	ev_timer_start(f->apiserver->config.loop, &f->retry);
}

static void outcome_log(const struct watcher *f, const struct fetch_end *end)
{
	log_debug("apiserver: %s: request ended: status %d%s%s%s", kind_of(f), end->status,
		  end->whole ? ", whole" : ", cut off", end->error[0] != '\0' ? ": " : "", end->error);
}

static void on_end(void *ctx, const struct fetch_end *end)
{
	struct watcher *f = ctx;
	struct apiserver *a = f->apiserver;
	struct reflector_outcome o = {.status = end->status,
				      .whole = end->whole,
				      .silent = end->silent,
				      .retry_after_ms = end->retry_after_ms};
	uint32_t wait_ms;

	f->request = NULL;
	f->fresh = end->silent;
	f->unreached = end->status == 0;
	outcome_log(f, end);
	apiserver_requested(a, end->status);
	if (end->status == 0)
		apiserver_unreached(a, end->error);
	else if (end->whole)
		apiserver_heard(a);
	if (end->status == 200 && f->reflector.page_request)
		o.whole = end->whole && page_ended(f);
	int code = f->reflector.event_code != 0 ? f->reflector.event_code : end->status == 200 ? 0 : end->status;
	if (code == 401)
		o.new_credentials = credentials_refresh(&a->credentials, clock_ms());
	enum reflector_next next = reflector_done(&f->reflector, &o, clock_ms(), &wait_ms);
	next_log(f, next);
	if (next == REFLECTOR_FAILED)
		failure_log(f, end, code, wait_ms);
	if (next == REFLECTOR_ABSENT)
		absent(f);
	if (f->reflector.excused)
		counted(f);
	stream_fini(&f->stream);
	watcher_wait(f, wait_ms);
}

void watcher_start(struct watcher *f)
{
	const struct stream_handler values = {f, on_value};
	const struct fetch_handler handler = {f, on_data, on_end};
	struct credentials *credentials = &f->apiserver->credentials;
	struct buf url = {0};

	buf_puts(&url, credentials->server);
	f->begins = reflector_request(&f->reflector, clock_ms(), &url);
	buf_clear(&f->answer);
	stream_init(&f->stream, reflector_expects_events(&f->reflector) ? STREAM_WATCH : STREAM_LIST, &values);
	const struct fetch_options options = {.token = credentials_token(credentials, clock_ms()),
					      .quiet_limit_ms = quiet_limit_ms(f),
					      .fresh = f->fresh};
	log_debug("apiserver: GET %s", url.data);
	f->request = fetch_get(f->apiserver->fetch, url.data, &options, &handler);
	buf_fini(&url);
}

static void on_retry(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	watcher_start(timer->data);
}

void watcher_hurry(struct watcher *f)
{
	if (f->request == NULL && f->unreached)
		watcher_wait(f, reflector_hurry_ms(&f->reflector));
}

void watcher_init(struct watcher *f, struct apiserver *a, const struct reflector_resource *resource)
{
	f->apiserver = a;
	f->resource = *resource;
	f->resource.selector = f->selector.data != NULL ? f->selector.data : "";
	reflector_init(&f->reflector, &f->resource, clock_ns() ^ ((uint64_t)resource->kind << 32));
	ev_timer_init(&f->retry, on_retry, 0, 0);
	f->retry.data = f;
}

void watcher_fini(struct watcher *f)
{
	if (f->request != NULL)
		fetch_cancel(f->request);
	ev_timer_stop(f->apiserver->config.loop, &f->retry);
	stream_fini(&f->stream);
	reflector_fini(&f->reflector);
	buf_fini(&f->answer);
	buf_fini(&f->selector);
}
