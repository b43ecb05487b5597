/* Carries out the requests of one kind's reflector. */
#include "watch/api/watcher.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define ANSWER_BYTES 4096
#define WATCH_QUIET_MS 150000
#define LIST_QUIET_MS 30000
/*
 * A lost SYN is sent again 1 s, 3 s, 7 s … later: another connection finds a server sooner that is back. But TLS
 * handshakes take long when a whole fleet comes back: some requests are patient.
 */
#define CONNECT_LIMIT_MS 2500
#define CONNECT_PATIENT_MS 10000
#define YIELD_MS 1000 /* what is due sooner need not wait for its turn */

static const struct sink *sink_of(const struct watcher *f)
{
	return f->all->sink;
}

static uint32_t quiet_limit_ms(const struct watcher *f)
{
	if (f->reflector.phase == REFLECTOR_WATCH)
		return f->all->watch_quiet_ms != 0 ? f->all->watch_quiet_ms : WATCH_QUIET_MS;
	return f->all->list_quiet_ms != 0 ? f->all->list_quiet_ms : LIST_QUIET_MS;
}

static void object_upsert(struct watcher *f, struct span json)
{
	struct object_name n;
	struct object *o = NULL;
	enum object_verdict verdict = object_read(f->all->reader, f->resource.kind, json, &o);

	f->all->turn_due = true;
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
	f->all->turn_due = true;
	sink_of(f)->remove(sink_of(f)->ctx, f->resource.kind, n.ns, n.name);
}

static void excess_tell(struct watcher *f, const struct object_name *n)
{
	char text[1024], excess[64];
	const char *kind = object_kind_name(f->resource.kind);

	if (f->stream.item_values > f->stream.limit_values)
		snprintf(excess, sizeof excess, "more than %d values", STREAM_VALUES_MAX);
	else
		snprintf(excess, sizeof excess, "larger than %zu MiB", STREAM_VALUE_LIMIT_BYTES >> 20);
	if (n != NULL)
		snprintf(text, sizeof text, "%s %s%s%s: %s; its last good version stays", kind, n->ns,
			 n->ns[0] != '\0' ? "/" : "", n->name, excess);
	else
		snprintf(text, sizeof text, "%s: %s, and no name at its front; skipped", kind, excess);
	object_warn_once(f->all->reader, text);
}

/* Only the front of it is here, or it has too many values: enough to know that it is gone, or whose last good version
 * has to stay. */
static void object_cut(struct watcher *f, struct span front)
{
	struct event e = {.type = EVENT_MODIFIED, .object = front};
	struct object_name n;

	if ((reflector_expects_events(&f->reflector) && !event_read(front, &e)) || !object_name_read(e.object, &n)) {
		excess_tell(f, NULL);
		return;
	}
	f->all->turn_due = true;
	if (e.type == EVENT_DELETED) {
		sink_of(f)->remove(sink_of(f)->ctx, f->resource.kind, n.ns, n.name);
		return;
	}
	excess_tell(f, &n);
	sink_of(f)->keep(sink_of(f)->ctx, f->resource.kind, n.ns, n.name);
}

static void counted(struct watcher *f)
{
	if (f->counted)
		return;
	f->counted = true;
	f->all->counted(f->all->ctx);
}

static void list_ended(struct watcher *f)
{
	log_debug("apiserver: %s: listed, version %s", f->resource.plural, f->reflector.version);
	f->all->lists[f->resource.kind]++;
	f->all->turn_due = true;
	sink_of(f)->list_end(sink_of(f)->ctx, f->resource.kind);
	counted(f);
	if (f->request != NULL && !f->reflector.page_request) /* a streaming list: goes on as a watch */
		fetch_quiet_limit(f->request, quiet_limit_ms(f));
}

static bool on_event(struct watcher *f, struct span value)
{
	struct event e;

	if (!event_read(value, &e)) {
		log_debug("apiserver: %s: a value that is no event", f->resource.plural);
		return false;
	}
	f->all->events[f->resource.kind]++;
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

/* A watch that goes on from its version may be silent for a minute: its headers say that it is served. */
static void on_answered(void *ctx, int status)
{
	struct watcher *f = ctx;

	f->answered = true;
	f->all->heard(f->all->ctx);
	if (status != 200 || f->served)
		return;
	f->served = true;
	f->all->served_count++;
	f->all->served(f->all->ctx);
}

static bool on_data(void *ctx, int status, const char *bytes, size_t length_bytes)
{
	struct watcher *f = ctx;

	f->all->heard(f->all->ctx);
	if (status != 200) {
		size_t room =
			ANSWER_BYTES - (f->answer.length_bytes < ANSWER_BYTES ? f->answer.length_bytes : ANSWER_BYTES);
		buf_add(&f->answer, bytes, length_bytes < room ? length_bytes : room);
		return length_bytes <= room; /* a refusal that never ends */
	}
	if (f->begins) {
		f->begins = false;
		f->all->turn_due = true;
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

static void absent(struct watcher *f)
{
	f->all->turn_due = true;
	sink_of(f)->list_begin(sink_of(f)->ctx, f->resource.kind);
	sink_of(f)->list_end(sink_of(f)->ctx, f->resource.kind);
	counted(f);
}

static void watcher_wait(struct watcher *f, uint32_t wait_ms)
{
	ev_timer_stop(f->all->loop, &f->retry);
	ev_timer_set(&f->retry, wait_ms / 1000.0, 0);
	ev_timer_start(f->all->loop, &f->retry);
}

/* The server knew the credentials no longer; others may be at hand. */
static bool credentials_changed(const struct watcher *f, int code)
{
	return code == 401 && credentials_refresh(f->all->credentials, clock_ms());
}

/* What the request that ended so means for this kind. */
static enum reflector_next outcome(struct watcher *f, const struct fetch_end *end, uint32_t *wait_ms)
{
	struct reflector_outcome o = {.status = end->status,
				      .whole = end->whole,
				      .silent = end->silent,
				      .retry_after_ms = end->retry_after_ms};

	if (end->status == 200 && f->reflector.page_request)
		o.whole = end->whole && page_ended(f);
	int code = f->reflector.event_code != 0 ? f->reflector.event_code : end->status == 200 ? 0 : end->status;
	o.new_credentials = credentials_changed(f, code);
	enum reflector_next next = reflector_done(&f->reflector, &o, clock_ms(), wait_ms);
	watcher_log_next(f, next);
	if (next == REFLECTOR_FAILED)
		watcher_log_failure(f, end, code, *wait_ms);
	if (next == REFLECTOR_ABSENT)
		absent(f);
	f->absent = next == REFLECTOR_ABSENT;
	if (f->reflector.excused)
		counted(f);
	return next;
}

static void unserved(struct watcher *f)
{
	f->all->served_count -= f->served;
	f->served = false;
}

/* Until it is asked to make an attempt. */
static void watcher_hold(struct watcher *f)
{
	ev_timer_stop(f->all->loop, &f->retry);
	f->yields = true;
}

static void on_end(void *ctx, const struct fetch_end *end)
{
	struct watcher *f = ctx;
	uint32_t wait_ms;

	f->request = NULL;
	f->fresh = end->silent;
	f->unreached = end->status == 0;
	watcher_log_end(f, end);
	f->all->requests[end->status > 0 && end->status < REQUEST_CODES ? end->status : 0]++;
	if (end->status != 0 && end->whole)
		f->all->heard(f->all->ctx);
	enum reflector_next next = outcome(f, end, &wait_ms);
	stream_fini(&f->stream);
	f->due_ms = clock_ms() + wait_ms;
	if (wait_ms > 0)
		unserved(f);
	bool failed = wait_ms > 0 && next != REFLECTOR_ABSENT;
	if (failed && f->all->failed(f->all->ctx, end) && (end->status == 0 || wait_ms > YIELD_MS))
		watcher_hold(f);
	else
		watcher_wait(f, wait_ms);
}

void watcher_start(struct watcher *f)
{
	const struct stream_handler values = {f, on_value};
	const struct fetch_handler handler = {f, on_answered, on_data, on_end};
	struct credentials *credentials = f->all->credentials;
	struct buf url = {0};

	buf_puts(&url, credentials->server);
	f->begins = reflector_request(&f->reflector, clock_ms(), &url);
	f->answered = false;
	buf_clear(&f->answer);
	stream_init(&f->stream, reflector_expects_events(&f->reflector) ? STREAM_WATCH : STREAM_LIST, &values);
	const struct fetch_options options = {
		.token = credentials_token(credentials, clock_ms()),
		.quiet_limit_ms = quiet_limit_ms(f),
		.connect_limit_ms = f->patient ? CONNECT_PATIENT_MS : CONNECT_LIMIT_MS,
		.fresh = f->fresh || (f->attempt && f->unreached),
	};
	log_debug("apiserver: GET %s", url.data);
	f->request = fetch_get(f->all->fetch, url.data, &options, &handler);
	buf_fini(&url);
}

static void on_retry(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct watcher *f = timer->data;

	(void)loop;
	(void)events;
	if (f->request != NULL && f->answered)
		return;
	if (f->request != NULL) { /* an attempt that still connects, while another found the server */
		fetch_cancel(f->request);
		stream_fini(&f->stream);
	}
	f->attempt = f->yields = false;
	f->patient = f->unreached;
	watcher_start(f);
}

void watcher_yield(struct watcher *f)
{
	struct ev_loop *loop = f->all->loop;

	if (!ev_is_active(&f->retry) || f->absent || ev_timer_remaining(loop, &f->retry) <= YIELD_MS / 1000.0)
		return;
	watcher_hold(f);
}

bool watcher_attempt(struct watcher *f, bool patient)
{
	if (!f->yields)
		return false;
	f->yields = false;
	f->attempt = true;
	f->patient = patient;
	watcher_start(f);
	return true;
}

void watcher_resume(struct watcher *f, bool history, uint64_t now_ms, uint32_t hurry_ms)
{
	bool connects = f->request != NULL && f->attempt && !f->answered;

	if (history && !f->absent)
		reflector_forgive(&f->reflector);
	if (f->yields && !history)
		watcher_wait(f, f->due_ms > now_ms ? (uint32_t)(f->due_ms - now_ms) : 0);
	else if (f->yields || connects || (history && ev_is_active(&f->retry) && !f->absent))
		watcher_wait(f, hurry_ms);
	f->yields = false;
}

void watcher_init(struct watcher *f, struct watchers *all, const struct reflector_resource *resource)
{
	f->all = all;
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
	ev_timer_stop(f->all->loop, &f->retry);
	stream_fini(&f->stream);
	reflector_fini(&f->reflector);
	buf_fini(&f->answer);
	buf_fini(&f->selector);
}
