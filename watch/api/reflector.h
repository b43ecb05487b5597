/*
 * How one kind is followed: list, then watch from the list's version, list again when the server no longer has that
 * version. The state machine alone: no sockets, no clock, no sink. The caller asks for the next request, tells what
 * came, does what it is told, and sleeps as long as it is told.
 *
 * A list is a stream (KEP-3157: a watch that begins with what exists and marks the end with a bookmark), or pages
 * where the server has no such streams. Lists ask for the newest state (no resourceVersion), so that an API server
 * whose cache lags cannot bring back what is gone. Versions are opaque and only handed back.
 */
#ifndef WATCH_API_REFLECTOR_H
#define WATCH_API_REFLECTOR_H

#include "base/buf.h"
#include "watch/api/backoff.h"
#include "watch/object.h"
#include "watch/api/reflector_event.h"

#define REFLECTOR_PAGE_OBJECTS 500
#define REFLECTOR_OBJECTS_MAX 1000000 /* of one list; Kubernetes' largest clusters have a fifth */
#define REFLECTOR_PAGES_MAX 20000     /* servers may send small pages */
#define REFLECTOR_STEADY_MS 2000      /* a watch that held this long is no failure */
#define REFLECTOR_ABSENT_MS 600000    /* how often to look again for a resource that the server does not know */

/* What to follow. Texts are borrowed and live as long as the reflector. */
struct reflector_resource {
	enum object_kind kind;
	const char *group;    /* API group for messages, "" = core */
	const char *plural;   /* "services" */
	const char *path;     /* "/api/v1/services" */
	const char *selector; /* "" or "&fieldSelector=…", encoded */
	bool optional; /* older servers or narrower roles lack it: 404 means there are none, 403 does not block */
};

enum reflector_phase {
	REFLECTOR_STREAM, /* streaming list */
	REFLECTOR_PAGES,
	REFLECTOR_WATCH,
};

struct reflector {
	const struct reflector_resource *resource;
	enum reflector_phase phase; /* of the request under way, or of the next one */
	struct backoff backoff;
	char version[VERSION_TEXT_BYTES];
	struct buf next_page;	 /* continue token; empty: first page */
	bool paged_only;	 /* the server refused a streaming list */
	bool whole_list;	 /* a page's token expired: once without limit */
	bool listed;		 /* a list was completed since the start */
	bool excused;		 /* optional and not readable: does not block completeness */
	bool page_request;	 /* the request under way asked for a page */
	bool progress;		 /* the watch under way told something */
	uint32_t objects, pages; /* of the list under way */
	const char *problem;	 /* why the answer under way was given up, NULL = not */
	int event_code;		 /* code of the ERROR event that ended the request, 0 = none */
	bool expired;		 /* a version expired since a watch last held */
	unsigned refusals;	 /* requests of this phase in a row that the server answered wrongly */
	uint64_t started_ms;
};

void reflector_init(struct reflector *r, const struct reflector_resource *resource, uint64_t seed);
void reflector_fini(struct reflector *r);

/* Appends text as a URL's query has it: %xx for what is not plain. */
void reflector_escape(struct buf *url, const char *text);
/* Appends path and query of the next request. True: a list begins with it (sink: list_begin). */
bool reflector_request(struct reflector *r, uint64_t now_ms, struct buf *url);
/* Of the request under way. False: its response is one list document, not events. */
bool reflector_expects_events(const struct reflector *r);

enum reflector_act {
	REFLECTOR_NOTHING,
	REFLECTOR_UPSERT,
	REFLECTOR_REMOVE,
	REFLECTOR_LIST_END, /* everything was listed (sink: list_end) */
	REFLECTOR_GIVE_UP,  /* end this request, then reflector_done */
};

/* An event of a streaming list or watch arrived. */
enum reflector_act reflector_event(struct reflector *r, const struct event *e);
/* One object of a list document arrived. False: the list is longer than any may be; end this request. */
bool reflector_object(struct reflector *r);
/* A list document ended well; `frame` is the document without its items. */
enum reflector_act reflector_page(struct reflector *r, struct span frame);

/* How a request ended. */
struct reflector_outcome {
	int status;		 /* HTTP; 0: no response at all */
	bool whole;		 /* ended in good order, not cut off */
	bool silent;		 /* we ended it: nothing came for too long */
	bool new_credentials;	 /* another token is at hand since it was sent */
	uint32_t retry_after_ms; /* 0 = not asked */
};

enum reflector_next {
	REFLECTOR_GO_ON,     /* nothing is wrong */
	REFLECTOR_FAILED,    /* worth a line */
	REFLECTOR_EXPIRED,   /* 410: lists again */
	REFLECTOR_NO_STREAM, /* lists by pages from now on */
	REFLECTOR_ABSENT,    /* the server does not know the resource (sink: an empty list) */
};

/* The request has ended: what to do about it, and how long to wait before the next. */
enum reflector_next reflector_done(struct reflector *r, const struct reflector_outcome *o, uint64_t now_ms,
				   uint32_t *wait_ms);
/* The server serves again after it served nothing: the failures so far are history. */
void reflector_forgive(struct reflector *r);

#endif
