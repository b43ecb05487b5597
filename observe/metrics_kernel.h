/* Figures that only the kernel knows, asked for while a page is made. Main thread only. */
#ifndef OBSERVE_METRICS_KERNEL_H
#define OBSERVE_METRICS_KERNEL_H

#include "base/metrics.h"
#include "nft/nft.h"

/* nft outlives the last page of metrics. */
void metrics_kernel_init(struct metrics *m, struct nft *nft);

#endif
