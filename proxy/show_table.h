/*
 * Rows of `fairlead services` and `fairlead endpoints`: a header and a line each, cells parted by "|", an empty cell is
 * "-". The asking side puts them into columns. Main thread.
 */
#ifndef PROXY_SHOW_TABLE_H
#define PROXY_SHOW_TABLE_H

#include "proxy/show.h"
#include "proxy/store.h"

/* Further columns, and none whose numbers change by themselves. */
struct table_view {
	const struct show_context *print;
	const struct store *store;
	bool wide, counted;
};

void table_services_header(struct buf *out, const struct table_view *view);
/* A line for each frontend; one for a Service without any, which says what it is instead. */
void table_services(struct buf *out, const struct store_service *service, const struct table_view *view);

void table_endpoints_header(struct buf *out, const struct table_view *view);
/* A line for every endpoint of every slice, by port of the Service: used or not, and why not. */
void table_endpoints(struct buf *out, const struct store_service *service, const struct table_view *view);

/* "headless", "external-name", "cluster-ip", or "unproxied" where *why says why (else it is NULL). Static texts. */
const char *table_kind(const struct service_object *o, const struct service *s, const char **why);

#endif
