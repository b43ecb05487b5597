/*
 * libcurl's multi interface on a libev loop: what its users share. Made, used and freed by the loop's thread, or while
 * the loop does not run.
 */
#ifndef WATCH_CURL_LOOP_H
#define WATCH_CURL_LOOP_H

#include <curl/curl.h>
#include <ev.h>
#include <stdbool.h>

struct curl_loop {
	struct ev_loop *loop;
	CURLM *multi;
	struct ev_timer timer;
	void (*ended)(void *request, CURLcode code);
};

/*
 * False: libcurl cannot be used. ended: a transfer is over, request is its CURLOPT_PRIVATE; its handle is still in the
 * multi. Other transfers may be added and removed meanwhile.
 */
bool curl_loop_init(struct curl_loop *c, struct ev_loop *loop, void (*ended)(void *request, CURLcode code));
void curl_loop_fini(struct curl_loop *c); /* when no transfer is left */

#endif
