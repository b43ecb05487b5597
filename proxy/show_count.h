/* Inside of the printers: connections of a frontend and of an endpoint, where the view knows them. */
#ifndef PROXY_SHOW_COUNT_H
#define PROXY_SHOW_COUNT_H

#include "proxy/show.h"

bool print_count_frontend(const struct print_view *view, const struct frontend_key *key, uint64_t *connections);
/* Over every frontend of the port and every slot that the endpoint has there. */
bool print_count_target(const struct print_view *view, const struct service *s, size_t port, uint32_t target,
			uint64_t *connections);

#endif
