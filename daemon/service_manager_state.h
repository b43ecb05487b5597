/* What the daemon keeps of service_manager.h. Main thread. */
#ifndef DAEMON_SERVICE_MANAGER_STATE_H
#define DAEMON_SERVICE_MANAGER_STATE_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct service_manager { /* zero: there is none */
	struct ev_timer ready, watchdog;
	uint64_t asked_ms;  /* when this process began to wait for being ready */
	uint64_t limit_ms;  /* WatchdogSec=; 0: none */
	uint64_t alive_ms;  /* when the DNS threads were alive */
	bool told, in_sync; /* READY=1 has been sent; with what status */
};

#endif
