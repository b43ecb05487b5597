/*
 * Following one kind: carries out what its reflector decides, request by request. Inside of the API server source.
 */
#ifndef WATCH_API_APISERVER_WATCHER_H
#define WATCH_API_APISERVER_WATCHER_H

#include <ev.h>

#include "watch/api/apiserver.h"
#include "watch/api/apiserver_object.h"
#include "watch/api/fetch.h"
#include "watch/api/reflector.h"
#include "watch/api/stream.h"

#define PROBLEM_BYTES 512

struct watcher {
	struct apiserver *apiserver;
	struct reflector_resource resource;
	struct reflector reflector;
	struct stream stream;
	struct fetch_request *request; /* NULL: waiting */
	struct ev_timer retry;
	struct buf selector;
	struct buf answer; /* start of the body of an error answer */
	bool begins;	   /* list_begin is due with the first bytes of this answer */
	bool unreached;	   /* waits because the server could not be reached */
	bool fresh;	   /* next request on a new connection */
	bool counted;	   /* listed, or excused: does not keep the state from being complete */
	int warned_code;   /* last failure that was warned about, 0 = none */
	uint64_t warned_ms;
};

struct apiserver {
	struct apiserver_config config;
	struct credentials credentials;
	struct fetch *fetch;
	struct object_reader *reader;
	struct watcher watchers[OBJECT_KINDS];
	size_t watcher_count, uncounted;
	struct ev_prepare turn;
	bool turn_due;
	/* reachability */
	bool probe_failed;  /* the last probe, of this outage */
	unsigned probes;    /* in this outage */
	uint64_t outage_ms; /* when it began; 0 = none */
	struct fetch_request *probe;
	struct ev_timer probe_timer;
	struct backoff probe_spread;
	/* figures */
	char problem[PROBLEM_BYTES];
	uint64_t heard_ms, events, lists;
	struct metric *event_count[OBJECT_KINDS], *list_count[OBJECT_KINDS];
};

void watcher_init(struct watcher *f, struct apiserver *a, const struct reflector_resource *resource);
void watcher_fini(struct watcher *f);
void watcher_start(struct watcher *f);
/* The server can be reached again. */
void watcher_hurry(struct watcher *f);

/* What watchers tell. */
void apiserver_touched(struct apiserver *a);			  /* the sink was called: a turn is due */
void apiserver_counted(struct apiserver *a);			  /* one more watcher's `counted` became true */
void apiserver_requested(struct apiserver *a, int status);	  /* a request has ended */
void apiserver_heard(struct apiserver *a);			  /* an answer came */
void apiserver_unreached(struct apiserver *a, const char *error); /* none came */

#endif
