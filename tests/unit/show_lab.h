/* Compiled services and their elements as stable text, which golden tests hold. */
#ifndef TESTS_UNIT_SHOW_LAB_H
#define TESTS_UNIT_SHOW_LAB_H

#include "base/buf.h"
#include "proxy/elements.h"
#include "proxy/show_context.h"

/* One line per frontend: "default/web  cluster-ip  10.96.0.1:80/TCP  http  balance  3 endpoints". */
void print_frontends(struct buf *out, const struct service *s, const struct show_context *context);
/* One line per endpoint of each port: address, state, slots, connections. */
void print_endpoints(struct buf *out, const struct service *s, const struct show_context *context);
/* Both, and what DNS shows, under one heading. */
void print_service(struct buf *out, const struct service *s, const struct show_context *context);
/* Sorted, one element a line. */
void print_elements(struct buf *out, struct element_list *list);

#endif
