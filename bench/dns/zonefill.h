/* Services made up for benches: ClusterIP services svc-N and headless ones of ten endpoints hl-N, spread over
 * namespaces ns-0 … ns-49. */
#ifndef BENCH_ZONEFILL_H
#define BENCH_ZONEFILL_H

#include "service/service.h"

struct service *zonefill_cluster_ip(unsigned number);
/* version: changes the last endpoint's address. */
struct service *zonefill_headless(unsigned number, unsigned version);

#endif
