/* Makes libev loops. */
#include "base/event_loop.h"

#include "base/log.h"

struct ev_loop *event_loop_new(void)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);

	if (loop == NULL)
		fatal("no event loop");
	return loop;
}
