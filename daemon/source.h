/*
 * Where the daemon's objects come from: a manifest directory or a Kubernetes API server, as the flags say. Main thread.
 */
#ifndef DAEMON_SOURCE_H
#define DAEMON_SOURCE_H

#include "base/json.h"
#include "base/metrics.h"
#include "daemon/config.h"
#include "dns/forward/host_names.h"
#include "proxy/checkpoint.h"
#include "watch/api/apiserver.h"
#include "watch/lab/exec_helper.h"
#include "watch/lab/lab.h"
#include "watch/lab/prober.h"
#include "watch/manifest/manifest.h"

struct source {
	const struct config *config;
	struct ev_loop *loop;
	struct credentials credentials;
	struct manifest *manifest; /* one of the two is not NULL once started */
	struct lab *lab;	   /* with manifests: between them and the store */
	struct given_hosts hosts;
	struct prober *prober;	       /* with manifests */
	struct exec_helper exec;       /* of the prober; forked at the start of the daemon */
	ev_timer lab_turn;	       /* the lab's, for what it has left over */
	struct host_names *host_names; /* of these; NULL with --no-dns */
	struct apiserver *apiserver;
	struct checkpoint *checkpoint; /* NULL with manifests, or without --state-dir */
	struct zone *zone;	       /* is told when the API server is away; set before source_start */
};

/* Reads what the flags name (kubeconfig, CA, token). False: one line in error, a mistake of configuration. */
bool source_prepare(struct source *s, const struct config *config, char error[ERROR_BYTES]);
/* With --allow-exec-probes: makes the process that runs commands. Before rights are given up and threads are made. */
void source_fork(struct source *s);
/*
 * Fatal when it cannot start. The store, and its sink, outlive the source. What the store tells of changes goes to
 * source_changed too.
 */
void source_start(struct source *s, struct ev_loop *loop, struct store *store, const struct sink *sink,
		  struct metrics *metrics);
void source_changed(struct source *s);
/* SIGHUP: reads manifests again; an API server is followed anyhow. */
void source_reload(struct source *s);
void source_stop(struct source *s);

/* Members of status's object "source", and the same as text: "manifests DIR". */
void source_json(const struct source *s, struct json *j);
void source_text(const struct source *s, struct buf *out);
/* Member "execProbes" and its line; nothing without --allow-exec-probes. */
void source_exec_json(const struct source *s, struct json *j);
void source_exec_text(const struct source *s, struct buf *out);

#endif
