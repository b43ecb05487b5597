/*
 * The page of `--page`: services, their endpoints, rates and recent changes as one HTML document without outside files.
 * It works without scripts; with them it follows what changes. Read only. A strict content security policy names the
 * digests of our own style and script, so that a browser runs nothing else.
 *
 *   /                   everything
 *   /live               what moves: state, rates, probes, changes; data-version says which table belongs to it
 *   /services/NS/NAME   one service
 *
 * The table is made again only when a service has changed. Main thread, but for page_leave.
 */
#ifndef OBSERVE_PAGE_PAGE_H
#define OBSERVE_PAGE_PAGE_H

#include "observe/http.h"
#include "observe/page/probes.h"
#include "proxy/store.h"
#include "proxy/sync.h"

struct ev_loop;
struct page;

struct page_config { /* copied; what it points at outlives the page */
	const char *node;
	const struct store *store;
	const struct sync *sync;
	struct nft *nft;		/* NULL: connections are not counted */
	uint64_t (*queries)(void *ctx); /* DNS queries so far */
	probes_each_fn *probes;		/* NULL: nothing is probed */
	void *ctx;
};

/* Samples the rates once a second. */
struct page *page_new(struct ev_loop *loop, const struct page_config *config);
void page_free(struct page *p); /* NULL is fine */

/* http_handler_fns. The first leaves all to the main thread. */
bool page_leave(void *ctx, const char *path, struct http_reply *reply);
bool page_handle(void *ctx, const char *path, struct http_reply *reply);
/* The kernel has this service now; prev or next NULL. */
void page_published(struct page *p, const struct service *prev, const struct service *next);
/* After every sync_turn. */
void page_turn(struct page *p);

#endif
