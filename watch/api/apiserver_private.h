/* Inside of the API server source: its state, for its metrics. */
#ifndef WATCH_API_APISERVER_PRIVATE_H
#define WATCH_API_APISERVER_PRIVATE_H

#include "watch/api/apiserver.h"
#include "watch/api/pace.h"
#include "watch/api/watcher.h"

struct apiserver {
	struct apiserver_config config;
	struct credentials credentials;
	struct watchers all;
	struct watcher watchers[OBJECT_KINDS];
	size_t watcher_count, uncounted;
	struct ev_prepare turn;
	/* while nothing is served */
	struct pace pace;
	struct ev_timer attempt_timer;
	size_t turn_of;	    /* whose attempt is next */
	uint64_t silent_ms; /* nothing has answered since; 0 = it did */
	uint64_t heard_ms;
};

void apiserver_metrics(struct apiserver *a); /* registers them */

#endif
