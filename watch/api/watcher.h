/*
 * Following one kind: carries out what its reflector decides, request by request. Inside of the API server source,
 * which decides about all kinds together and is told what happens to each.
 */
#ifndef WATCH_API_WATCHER_H
#define WATCH_API_WATCHER_H

#include <ev.h>

#include "watch/api/apiserver_object.h"
#include "watch/api/credentials.h"
#include "watch/api/fetch.h"
#include "watch/api/pace.h"
#include "watch/api/reflector.h"
#include "watch/api/stream.h"
#include "watch/source.h"

#define PROBLEM_BYTES 512
#define REQUEST_CODES 1000

/* What the watchers of one API server share. */
struct watchers {
	/* all borrowed, set before the first watcher_init */
	struct ev_loop *loop;
	const struct sink *sink;
	struct credentials *credentials;
	struct fetch *fetch;
	struct object_reader *reader;
	uint32_t watch_quiet_ms, list_quiet_ms; /* 0: the default */
	void (*counted)(void *ctx);		/* one more watcher's `counted` became true */
	void (*heard)(void *ctx);		/* an answer came */
	void (*served)(void *ctx);		/* one more watcher's `served` became true, and served_count went up */
	/* A request failed. True: nothing is served, so that watchers take turns. */
	bool (*failed)(void *ctx, const struct fetch_end *end);
	void *ctx;
	/* what they keep together */
	bool turn_due;	     /* the sink was called */
	size_t served_count; /* watchers that are */
	char problem[PROBLEM_BYTES];
	uint64_t events[OBJECT_KINDS], lists[OBJECT_KINDS];
	uint64_t requests[REQUEST_CODES]; /* that have ended, by status code; 0: no answer */
};

struct watcher {
	struct watchers *all;
	struct reflector_resource resource;
	struct reflector reflector;
	struct stream stream;
	struct fetch_request *request; /* NULL: waiting */
	struct ev_timer retry;
	struct buf selector;
	struct buf answer; /* start of the body of an error answer */
	bool begins;	   /* list_begin is due with the first bytes of this answer */
	bool unreached;	   /* the last request had no answer */
	bool fresh;	   /* next request on a new connection */
	bool patient;	   /* next request has time to connect */
	bool attempt;	   /* the request was made because nothing is served */
	bool answered;	   /* its headers came */
	bool served;	   /* the server answered with a success, and nothing failed since */
	bool yields;	   /* the API server, not `retry`, says when the next request is due */
	bool absent;	   /* the server does not know this kind: looks again after a long time */
	uint64_t due_ms;   /* when the next request is due by this kind's own failures */
	bool counted;	   /* listed, or excused: does not keep the state from being complete */
	int warned_code;   /* last failure that was warned about, 0 = none */
	uint64_t warned_ms;
};

void watcher_init(struct watcher *f, struct watchers *all, const struct reflector_resource *resource);
void watcher_fini(struct watcher *f);
void watcher_start(struct watcher *f);
/* Nothing is served: waits for watcher_attempt instead of its own timer. */
void watcher_yield(struct watcher *f);
/* Makes its request, on a new connection if the last was silent; false: it waits for something else. */
bool watcher_attempt(struct watcher *f, bool patient);
/* Something is served again. history: so are its failures, go on in hurry_ms; else when it would have anyway. */
void watcher_resume(struct watcher *f, bool history, uint64_t now_ms, uint32_t hurry_ms);

/* Lines about a request that ended: how; a failure, warned about once per kind and code; what follows from it. */
void watcher_log_end(const struct watcher *f, const struct fetch_end *end);
void watcher_log_failure(struct watcher *f, const struct fetch_end *end, int code, uint32_t wait_ms);
void watcher_log_next(const struct watcher *f, enum reflector_next next);

#endif
