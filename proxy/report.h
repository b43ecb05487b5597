/*
 * What the daemon tells the outside about itself: health, figures and health check node ports, on the HTTP ports that
 * the flags name. It only watches: sync and store know nothing of it. Main thread.
 */
#ifndef PROXY_REPORT_H
#define PROXY_REPORT_H

#include "base/metrics.h"
#include "proxy/config.h"
#include "proxy/fixup.h"
#include "proxy/node.h"
#include "proxy/service.h"
#include "proxy/sync.h"
#include "watch/object.h"

struct ev_loop;
struct report;

/* Opens the ports; one that is taken is tried again later. config outlives the report. */
struct report *report_new(struct ev_loop *loop, const struct config *config);
void report_free(struct report *r); /* NULL is fine */
/* Where other modules register their figures. */
struct metrics *report_metrics(struct report *r);

/* An object was taken in; prev or next NULL. */
void report_changed(struct report *r, const struct object *prev, const struct object *next);
/* This node's addresses or its Node object changed; object NULL: there is none. */
void report_node(struct report *r, const struct node *node, const struct node_object *object);
/* The kernel has this service now; prev or next NULL. */
void report_published(struct report *r, const struct service *prev, const struct service *next);
/* After every sync_turn and fixup_turn. */
void report_turn(struct report *r, const struct sync_stats *sync, const struct fixup_stats *fixup);

#endif
