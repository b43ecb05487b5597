/* Decides for one kind what to request next and what an answer means. */
#include "watch/api/reflector.h"

#include <string.h>

/* Server-side end of a watch, as in client-go: spread, so that a fleet's watches do not all end at once. */
#define WATCH_LOW_S 300
#define WATCH_HIGH_S 600
#define REFUSALS_BEFORE_LIST 3

void reflector_init(struct reflector *r, const struct reflector_resource *resource, uint64_t seed)
{
	*r = (struct reflector){.resource = resource, .phase = REFLECTOR_STREAM};
	backoff_init(&r->backoff, seed);
}

void reflector_fini(struct reflector *r)
{
	buf_fini(&r->next_page);
	*r = (struct reflector){0};
}

void reflector_escape(struct buf *url, const char *text)
{
	for (; *text != '\0'; text++) {
		bool plain = (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'z') ||
			     (*text >= 'A' && *text <= 'Z') || strchr("-._~", *text) != NULL;
		if (plain)
			buf_add(url, text, 1);
		else
			buf_printf(url, "%%%02X", (unsigned char)*text);
	}
}

static void watch_query(struct reflector *r, struct buf *url)
{
	buf_printf(url, "?watch=true&allowWatchBookmarks=true&timeoutSeconds=%u",
		   (unsigned)backoff_between(&r->backoff, WATCH_LOW_S, WATCH_HIGH_S));
	if (r->phase == REFLECTOR_STREAM) {
		buf_puts(url, "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
	} else {
		buf_puts(url, "&resourceVersion=");
		reflector_escape(url, r->version);
	}
}

static void page_query(const struct reflector *r, struct buf *url)
{
	if (r->whole_list) {
		buf_puts(url, "?resourceVersion=");
		return;
	}
	buf_printf(url, "?limit=%d", REFLECTOR_PAGE_OBJECTS);
	if (r->next_page.length_bytes > 0) {
		buf_puts(url, "&continue=");
		reflector_escape(url, r->next_page.data);
	}
}

bool reflector_request(struct reflector *r, uint64_t now_ms, struct buf *url)
{
	r->started_ms = now_ms;
	r->page_request = r->phase == REFLECTOR_PAGES;
	r->progress = false;
	r->event_code = 0;
	r->problem = NULL;
	if (r->phase == REFLECTOR_STREAM || (r->page_request && r->next_page.length_bytes == 0))
		r->objects = r->pages = 0;
	buf_puts(url, r->resource->path);
	if (r->phase == REFLECTOR_PAGES)
		page_query(r, url);
	else
		watch_query(r, url);
	buf_puts(url, r->resource->selector);
	return r->phase == REFLECTOR_STREAM || (r->phase == REFLECTOR_PAGES && r->next_page.length_bytes == 0);
}

bool reflector_expects_events(const struct reflector *r)
{
	return !r->page_request;
}

static void list_restart(struct reflector *r)
{
	r->phase = r->paged_only ? REFLECTOR_PAGES : REFLECTOR_STREAM;
	r->refusals = 0;
	r->whole_list = false;
	buf_clear(&r->next_page);
}

static enum reflector_act list_ended(struct reflector *r)
{
	r->phase = REFLECTOR_WATCH;
	r->listed = true;
	r->refusals = 0;
	r->whole_list = false;
	buf_clear(&r->next_page);
	return REFLECTOR_LIST_END;
}

bool reflector_object(struct reflector *r)
{
	if (r->objects++ < REFLECTOR_OBJECTS_MAX)
		return true;
	r->problem = "list with more than 1000000 objects";
	return false;
}

enum reflector_act reflector_event(struct reflector *r, const struct event *e)
{
	if (e->type == EVENT_ERROR) {
		r->event_code = e->code != 0 ? e->code : 500;
		return REFLECTOR_GIVE_UP;
	}
	r->progress = true;
	if (r->phase == REFLECTOR_STREAM && !reflector_object(r))
		return REFLECTOR_GIVE_UP;
	/*
	 * The versions of a streaming list's initial events are those of the objects, in no order: only its last
	 * bookmark is a place to go on from.
	 */
	if (e->version[0] != '\0' && (r->phase == REFLECTOR_WATCH || e->initial_end))
		memcpy(r->version, e->version, sizeof r->version);
	switch (e->type) {
	case EVENT_ADDED:
	case EVENT_MODIFIED:
		return REFLECTOR_UPSERT;
	case EVENT_DELETED:
		return REFLECTOR_REMOVE;
	case EVENT_BOOKMARK:
		return e->initial_end && r->phase == REFLECTOR_STREAM ? list_ended(r) : REFLECTOR_NOTHING;
	default:
		return REFLECTOR_NOTHING; /* a type of a later API: its object is in the next list */
	}
}

enum reflector_act reflector_page(struct reflector *r, struct span frame)
{
	struct span metadata, token;

	if (!span_member(frame, "metadata", &metadata) ||
	    !span_member_text(metadata, "resourceVersion", r->version, sizeof r->version) || r->version[0] == '\0')
		return REFLECTOR_GIVE_UP;
	buf_clear(&r->next_page);
	if (!span_member(metadata, "continue", &token) || token.length_bytes <= 2)
		return list_ended(r);
	if (++r->pages >= REFLECTOR_PAGES_MAX) {
		r->problem = "list with more than 20000 pages";
		return REFLECTOR_GIVE_UP;
	}
	struct buf text = {0};
	buf_add(&text, token.bytes, token.length_bytes);
	bool fine = span_text(token, text.data, text.length_bytes + 1);
	buf_puts(&r->next_page, fine ? text.data : "");
	buf_fini(&text);
	return fine ? REFLECTOR_NOTHING : REFLECTOR_GIVE_UP;
}

/* The version, or the page's token, is older than what the server keeps. */
static enum reflector_next expired(struct reflector *r, uint32_t *wait_ms)
{
	bool page = r->phase == REFLECTOR_PAGES && r->next_page.length_bytes > 0;
	bool waits = !page && !r->progress && r->expired;

	r->expired = true;
	list_restart(r);
	if (page) {
		r->phase = REFLECTOR_PAGES;
		r->whole_list = true; /* as client-go: paging is too slow for this server's compaction */
	}
	/* The first time at once; a server that says it again and again gets the usual waits. */
	uint32_t usual_ms = backoff_next_ms(&r->backoff);
	*wait_ms = waits ? usual_ms : 0;
	return REFLECTOR_EXPIRED;
}

/* A watch that ended without an error: by the server's timeout, or because it was silent. */
static enum reflector_next watch_over(struct reflector *r, uint64_t age_ms, uint32_t *wait_ms)
{
	if (age_ms >= REFLECTOR_STEADY_MS) {
		*wait_ms = 0;
		return REFLECTOR_GO_ON;
	}
	*wait_ms = backoff_next_ms(&r->backoff);
	return REFLECTOR_FAILED;
}

/* Answers that say something about the request itself, not about load or rights. */
static bool refused(int code)
{
	return code != 0 && code != 401 && code != 403 && code != 429 && code != 503;
}

static enum reflector_next failed(struct reflector *r, const struct reflector_outcome *o, int code, uint32_t *wait_ms)
{
	if (r->problem != NULL)
		list_restart(r);
	if (o->status == 0)
		r->paged_only = false; /* who answers next may be a newer server */
	if (r->phase == REFLECTOR_WATCH && refused(code) && ++r->refusals >= REFUSALS_BEFORE_LIST)
		list_restart(r); /* e.g. a version from before etcd was restored */
	if (r->phase == REFLECTOR_STREAM && o->status == 200 && ++r->refusals >= REFUSALS_BEFORE_LIST) {
		r->paged_only = true; /* something between us cuts long answers */
		list_restart(r);
	}
	if (r->resource->optional && code == 403)
		r->excused = true;
	*wait_ms = o->status == 0 ? backoff_silent_ms(&r->backoff) : backoff_asked_ms(&r->backoff, o->retry_after_ms);
	if (code == 401 && o->new_credentials)
		*wait_ms = 0;
	return REFLECTOR_FAILED;
}

static bool refuses_stream(const struct reflector *r, const struct reflector_outcome *o)
{
	/* 422 and 400: unknown or switched off. Silence: parameters were ignored, the closing bookmark never comes. */
	return r->phase == REFLECTOR_STREAM &&
	       (o->status == 422 || o->status == 400 || (o->silent && o->status == 200));
}

enum reflector_next reflector_done(struct reflector *r, const struct reflector_outcome *o, uint64_t now_ms,
				   uint32_t *wait_ms)
{
	uint64_t age_ms = now_ms - r->started_ms;
	bool answered = o->status == 200 && r->event_code == 0;
	int code = r->event_code != 0 ? r->event_code : o->status == 200 ? 0 : o->status;

	if (r->phase == REFLECTOR_WATCH && !r->page_request && answered && age_ms >= REFLECTOR_STEADY_MS) {
		backoff_reset(&r->backoff);
		r->refusals = 0;
		r->expired = false;
	}
	*wait_ms = 0;
	if (refuses_stream(r, o)) {
		r->paged_only = true;
		list_restart(r);
		return REFLECTOR_NO_STREAM;
	}
	if (code == 410)
		return expired(r, wait_ms);
	if (code == 404 && r->resource->optional) {
		list_restart(r);
		r->listed = true;
		*wait_ms = REFLECTOR_ABSENT_MS + backoff_between(&r->backoff, 0, REFLECTOR_ABSENT_MS / 10);
		return REFLECTOR_ABSENT;
	}
	if (r->page_request && answered && o->whole)
		return REFLECTOR_GO_ON; /* reflector_page said what is next */
	if (r->phase == REFLECTOR_WATCH && answered && (o->whole || o->silent))
		return watch_over(r, age_ms, wait_ms);
	return failed(r, o, code, wait_ms);
}

void reflector_forgive(struct reflector *r)
{
	backoff_reset(&r->backoff);
	r->expired = false;
}
