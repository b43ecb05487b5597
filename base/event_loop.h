/* libev loops of threads. */
#ifndef BASE_EVENT_LOOP_H
#define BASE_EVENT_LOOP_H

#include <ev.h>

/* Never NULL: fatal when there is none. ev_loop_destroy() frees it. */
struct ev_loop *event_loop_new(void);

#endif
