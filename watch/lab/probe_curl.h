/*
 * Inside of attempts over libcurl: what HTTP (probe_http.c) and gRPC (probe_grpc.c) share. A connection of its own for
 * each attempt, from a marked socket. Handles are kept, with the options that do not change, for the next attempt of
 * their kind. The prober's thread.
 */
#ifndef WATCH_LAB_PROBE_CURL_H
#define WATCH_LAB_PROBE_CURL_H

#include <sys/queue.h>

#include "watch/curl_loop.h"
#include "watch/lab/probe_attempt.h"

struct curl_attempt;

struct curl_kind {
	unsigned number;				      /* 0 to PROBE_CURL_KINDS - 1 */
	size_t size_bytes;				      /* of what has the curl_attempt as its first member */
	void (*prepare)(struct curl_attempt *a);	      /* a new handle: options that stay */
	void (*ended)(struct curl_attempt *a, CURLcode code); /* goes on, or calls curl_attempt_end */
	void (*clear)(struct curl_attempt *a);		      /* for the next attempt */
};

#define PROBE_CURL_KINDS 2

struct curl_attempt {
	struct probe_attempt attempt;
	struct probe_curl *owner;
	const struct curl_kind *kind;
	struct probe_request request;
	CURL *easy;
	struct curl_slist *headers; /* of this attempt: curl_attempt_header */
	uint64_t limit_ms;
	int starved; /* why no socket could be made; 0: one was */
	SLIST_ENTRY(curl_attempt) link;
};

struct curl_attempt *curl_attempt_new(struct probe_curl *c, const struct curl_kind *kind,
				      const struct probe_request *r);
/* "Name: value" */
void curl_attempt_header(struct curl_attempt *a, const char *line);
/* Scheme, address and port of the request, and the path; the caller frees it. */
char *curl_attempt_url(const struct curl_attempt *a, const char *scheme, const char *path);
/* Begins a transfer, in what is left of the attempt's time; the last one is over. */
void curl_attempt_go(struct curl_attempt *a, const char *url);
/* Why a transfer failed; text or a constant. */
const char *curl_attempt_failure(const struct curl_attempt *a, CURLcode code, char text[PROBE_WHY_BYTES]);
/* The attempt is no more. */
void curl_attempt_end(struct curl_attempt *a, bool success, const char *why);

#endif
