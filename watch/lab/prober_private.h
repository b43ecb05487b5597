/* Inside of the prober: what both threads know of a target. */
#ifndef WATCH_LAB_PROBER_PRIVATE_H
#define WATCH_LAB_PROBER_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>

#include "base/mailbox.h"
#include "base/map.h"
#include "watch/lab/probe_attempt.h"
#include "watch/lab/probe_exec.h"
#include "watch/lab/probe_history.h"
#include "watch/lab/probe_state.h"
#include "watch/lab/prober.h"

#define WHY_BYTES (PROBE_WHY_BYTES + 24)
#define PROBE_NO_RESULT "probe has no result yet"

struct check {
	struct endpoint_probe *probe;
	enum probe_role role;
	ev_timer timer;
	struct probe_attempt *attempt; /* under way */
	uint64_t begun_ms;
	bool waits; /* for another to end */
	TAILQ_ENTRY(check) link;
};

struct verdict {
	bool known, ready;
	char why[WHY_BYTES];
};

struct endpoint_probe {
	struct prober *prober;
	/* for both, constant */
	struct arena *arena; /* of the set and the texts */
	const char *owner;
	struct addr addr;
	uint16_t port;
	const struct probe_set *set;
	bool at_start;
	/* main thread */
	size_t wanted;
	bool beyond; /* the limit: the thread does not know it */
	TAILQ_ENTRY(endpoint_probe) beyond_link;
	struct verdict verdict;
	char *key;
	struct mail start, stop;
	/* with the lock */
	bool reported;
	struct verdict news;
	struct probe_history history; /* of what decides; of liveness where there is nothing else */
	TAILQ_ENTRY(endpoint_probe) link;
	/* the prober's thread */
	struct probe_set_state state;
	struct check checks[PROBE_ROLES];
	char failed[PROBE_WHY_BYTES];
	TAILQ_ENTRY(endpoint_probe) all;
};

TAILQ_HEAD(probe_list, endpoint_probe);
TAILQ_HEAD(check_list, check);

struct prober {
	void (*changed)(void *ctx);
	void *ctx;
	struct probes probes;
	/* main thread */
	struct ev_loop *main;
	struct exec_helper *helper;
	struct map by_key;
	size_t unknown; /* first results that are awaited */
	size_t beyond_count;
	struct probe_list beyond; /* targets that the limit keeps from being probed, the oldest first */
	bool past_start, told_limit;
	ev_timer start_limit;
	/* both */
	struct mailbox to_thread, to_main;
	struct mail news_mail;
	pthread_mutex_t lock; /* of news, news_sent, reasons, and of each probe's */
	struct probe_reasons reasons;
	struct probe_list news;
	bool news_sent;
	/* the prober's thread; main's before it starts and after its end */
	pthread_t thread;
	struct ev_loop *loop;
	ev_async stop;
	struct probe_curl *curl;
	struct probe_exec *exec;
	struct probe_list all;
	struct check_list waiting;
	unsigned attempts, random;
};

/* prober_thread.c */
void prober_thread_start(struct prober *p);
void prober_thread_stop(struct prober *p);
void prober_on_start(void *probe); /* mail */
void prober_on_stop(void *probe);  /* the same; frees it */
/* prober.c */
void prober_on_news(void *prober);
void prober_target_free(struct endpoint_probe *p);

#endif
