/*
 * Compiled services and their elements for people and scripts: stable text (golden tests hold it) and JSON. Used by
 * the tests, `fairlead services` and `fairlead endpoints`. Main thread.
 */
#ifndef PROXY_SHOW_H
#define PROXY_SHOW_H

#include "base/buf.h"
#include "base/json.h"
#include "proxy/elements.h"
#include "proxy/show_context.h"

const char *print_frontend_kind(const struct frontend *f);   /* "cluster-ip", "node-port", … */
const char *print_frontend_action(const struct frontend *f); /* "balance", "reject", "drop", "split" */

/* One line per frontend: "default/web  cluster-ip  10.96.0.1:80/TCP  http  balance  3 endpoints". */
void print_frontends(struct buf *out, const struct service *s, const struct show_context *context);
/* One line per endpoint of each port: address, state, slots, connections. */
void print_endpoints(struct buf *out, const struct service *s, const struct show_context *context);
void print_dns(struct buf *out, const struct service *s);
/* Everything above under one heading. */
void print_service(struct buf *out, const struct service *s, const struct show_context *context);
/* Sorted, one element a line. */
void print_elements(struct buf *out, struct element_list *list);

/* One JSON object; key as in base/json.h. */
void print_service_json(struct json *j, const char *key, const struct service *s, const struct show_context *context);

#endif
