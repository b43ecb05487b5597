/*
 * Compiled services for people and scripts: the words for what their frontends and endpoints do, and JSON. Tables are
 * in show_table.h. Main thread.
 */
#ifndef PROXY_SHOW_H
#define PROXY_SHOW_H

#include "base/buf.h"
#include "base/json.h"
#include "proxy/elements.h"
#include "proxy/show_context.h"

const char *print_frontend_kind(const struct frontend *f);   /* "cluster-ip", "node-port", … */
const char *print_frontend_action(const struct frontend *f); /* "balance", "reject", "drop", "split" */

/* One JSON object; key as in base/json.h. */
void print_service_json(struct json *j, const char *key, const struct service *s, const struct show_context *context);

#endif
