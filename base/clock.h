/* Monotonic time for intervals, wall time for what people and RFCs see. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_ns(void);     /* CLOCK_MONOTONIC */
uint64_t clock_ms(void);     /* CLOCK_MONOTONIC */
uint64_t clock_cpu_ns(void); /* CPU time of this thread, in the kernel as well */
int64_t clock_wall_ms(void); /* CLOCK_REALTIME, since 1970 */

#endif
