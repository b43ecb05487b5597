/* Inside of gather: routes to client and endpoints, rp_filter, and numbers in files of /proc. */
#ifndef CLI_EXPLAIN_GATHER_ROUTES_H
#define CLI_EXPLAIN_GATHER_ROUTES_H

#include "cli/explain/facts.h"

void gather_routes(struct facts *f);
/* False: there is no such file, or no number in it. */
bool gather_sysctl(const char *path, int64_t *value);

#endif
