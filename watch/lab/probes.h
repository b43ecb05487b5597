/* What watch/lab/ asks of the prober (prober.h; tests have one of their own). Main thread. */
#ifndef WATCH_LAB_PROBES_H
#define WATCH_LAB_PROBES_H

#include "watch/object.h"

struct endpoint_probe;

/* What is probed: the probes of one container, or of one endpoint of fairlead/endpoints. */
struct probe_target {
	const char
		*owner; /* for the log: "Pod default/web-0", "Service default/web"; is no part of what makes it equal */
	struct addr addr;
	uint16_t port; /* where the probe does not say one */
	const struct probe_set *set;
};

/* What is known of one target at present. */
#define PROBE_HISTORY 30

struct probe_seen {
	const char *owner, *container; /* container "": none */
	struct addr addr;
	uint16_t port; /* 0: the probe says one */
	bool ready;
	const char *why;		    /* NULL: nothing is to be said */
	size_t count;			    /* results, the oldest first */
	const char *results[PROBE_HISTORY]; /* NULL: a success; else what failed */
};
typedef void probe_seen_fn(void *ctx, const struct probe_seen *seen);

struct probes {
	/* The target, which is copied, is probed until as many releases. The same one again is the same probe. */
	struct endpoint_probe *(*want)(void *ctx, const struct probe_target *target);
	void (*release)(void *ctx, struct endpoint_probe *p);
	/* *why: why it is not ready, valid until the loop's next turn; NULL: nothing is said. */
	bool (*ready)(void *ctx, const struct endpoint_probe *p, const char **why);
	/* First results are awaited: true for a short time at most. What is wanted after the first call is new. */
	bool (*starting)(void *ctx);
	void *ctx;
};

#endif
