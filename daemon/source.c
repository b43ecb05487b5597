/* Starts the source of objects that the flags name. */
#include "daemon/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/allocations_file.h"
#include "dns/zone/zone.h"
#include "watch/api/credentials_load.h"

bool source_prepare(struct source *s, const struct config *config, char error[ERROR_BYTES])
{
	const struct credentials_flags flags = {
		.kubeconfig = config->kubeconfig,
		.server = config->apiserver,
		.token_file = config->token_file,
		.ca_file = config->ca_file,
		.insecure = config->insecure_skip_tls_verify,
	};

	*s = (struct source){.config = config, .exec.fd = -1};
	if (config->manifests != NULL || credentials_load(&s->credentials, &flags, error))
		return true;
	credentials_fini(&s->credentials);
	return false;
}

static void on_lab_problem(void *ctx, enum object_kind kind, const struct decode_problem *p)
{
	const struct source *s = ctx;

	manifest_report(s->manifest, kind, p);
}

static void on_lab_keep(void *ctx, const char *text, size_t length_bytes)
{
	const struct source *s = ctx;

	allocations_write(s->config->state_dir, text, length_bytes);
}

/* ---- host names of fairlead/endpoints ---- */

static void on_want(void *ctx, const char *host, bool wanted)
{
	const struct source *s = ctx;

	if (s->host_names != NULL)
		host_names_want(s->host_names, host, wanted);
}

static const struct addr *on_addrs(void *ctx, const char *host, size_t *count, const char **why)
{
	const struct source *s = ctx;

	if (s->host_names != NULL)
		return host_names_addrs(s->host_names, host, count, why);
	*count = 0;
	*why = "host names need the DNS server: not with --no-dns";
	return NULL;
}

static void on_host_changed(void *ctx, const char *host)
{
	const struct source *s = ctx;

	lab_host_changed(s->lab, host);
	manifest_turn(s->manifest);
}

/* The daemon's own DNS server; where it listens on all addresses, by loopback. */
static void hosts_start(struct source *s)
{
	const struct config *c = s->config;
	struct addr_port server;

	s->hosts = (struct given_hosts){on_want, on_addrs, s};
	if (c->no_dns)
		return;
	server = c->dns_listen.items[0];
	if (addr_is_wildcard(&server.addr))
		addr_parse(&server.addr, server.addr.family == AF_INET ? "127.0.0.1" : "::1");
	s->host_names = host_names_new(s->loop, &server, on_host_changed, s);
}

/* ---- probes, and what else a cluster does ---- */

static void on_probes_changed(void *ctx)
{
	const struct source *s = ctx;

	lab_probes_changed(s->lab);
	manifest_turn(s->manifest);
}

static void on_lab_turn(struct ev_loop *loop, ev_timer *timer, int events)
{
	const struct source *s = timer->data;

	(void)loop, (void)events;
	manifest_turn(s->manifest);
}

static void on_lab_more(void *ctx)
{
	struct source *s = ctx;

	ev_timer_start(s->loop, &s->lab_turn);
}

static void lab_start(struct source *s, const struct sink *sink)
{
	const struct config *c = s->config;
	const bool keeps = c->state_dir[0] != '\0';
	s->prober = prober_new(s->loop, &s->exec, on_probes_changed, s);
	const struct lab_config lab = {.next = *sink,
				       .service_cidrs = &c->service_cidrs,
				       .balancer_cidrs = &c->lb_pool,
				       .node_port_first = c->node_port_first,
				       .node_port_last = c->node_port_last,
				       .problem = on_lab_problem,
				       .more = on_lab_more,
				       .keep = keeps ? on_lab_keep : NULL,
				       .ctx = s,
				       .hosts = &s->hosts,
				       .exec_probes = c->allow_exec_probes,
				       .probes = prober_probes(s->prober)};
	const char *wrong;
	size_t length = 0;
	ev_timer_init(&s->lab_turn, on_lab_turn, 0., 0.);
	s->lab_turn.data = s;
	char *kept = keeps ? allocations_read(c->state_dir, &length) : NULL;

	s->lab = lab_new(&lab, kept, length, &wrong);
	if (wrong != NULL)
		allocations_wrong(c->state_dir, wrong);
	free(kept);
}

static void manifests_start(struct source *s, const struct sink *sink)
{
	hosts_start(s);
	lab_start(s, sink);
	s->manifest = manifest_open(s->config->manifests, lab_sink(s->lab));
	if (!manifest_start(s->manifest, s->loop))
		fatalx("source: nothing to follow");
}

/* A state is of one server, as one node sees it, with what this configuration asks the server for. */
static struct checkpoint *checkpoint_start(const struct source *s, struct store *store)
{
	const struct config *c = s->config;
	struct buf source = {0};
	struct checkpoint *l;

	if (c->state_dir[0] == '\0')
		return NULL;
	buf_printf(&source, "%s %s%s%s%s%s", s->credentials.server, c->node_name, c->no_dns ? " proxy" : "",
		   c->dns_pods == PODS_VERIFIED ? " all-pods" : "", c->service_proxy_name != NULL ? " " : "",
		   c->service_proxy_name != NULL ? c->service_proxy_name : "");
	l = checkpoint_new(s->loop, c->state_dir, source.data, store);
	buf_fini(&source);
	return l;
}

static void tell_away(void *ctx, uint64_t since_ms)
{
	zone_away_set(ctx, since_ms);
}

/* For status.dns. */
static void tell_source(const struct source *s)
{
	struct buf text = {0};

	if (s->zone == NULL)
		return;
	if (s->config->manifests != NULL)
		buf_printf(&text, "manifests %s", s->config->manifests);
	else
		buf_printf(&text, "API server %s", s->credentials.server != NULL ? s->credentials.server : "?");
	zone_note_set(s->zone, ZONE_SOURCE, text.data);
	buf_fini(&text);
}

void source_start(struct source *s, struct ev_loop *loop, struct store *store, const struct sink *sink,
		  struct metrics *metrics)
{
	struct apiserver_config config = {
		.loop = loop,
		.sink = *sink,
		.node_name = s->config->node_name,
		.proxy_only = s->config->no_dns,
		.all_pods = s->config->dns_pods == PODS_VERIFIED,
		.proxy_name = s->config->service_proxy_name,
		.metrics = metrics,
		.away = tell_away,
		.away_ctx = s->zone,
	};
	char error[ERROR_BYTES];

	s->loop = loop;
	tell_source(s);
	if (s->config->manifests != NULL) {
		manifests_start(s, sink);
		return;
	}
	s->checkpoint = checkpoint_start(s, store);
	if (s->checkpoint != NULL)
		config.sink = *checkpoint_sink(s->checkpoint);
	s->apiserver = apiserver_new(&config, &s->credentials, error);
	if (s->apiserver == NULL)
		fatalx("source: %s", error);
}

void source_changed(struct source *s)
{
	if (s->checkpoint != NULL)
		checkpoint_changed(s->checkpoint);
}

void source_reload(struct source *s)
{
	if (s->manifest == NULL)
		return;
	log_notice("reading %s again", s->config->manifests);
	manifest_reload(s->manifest);
}

void source_stop(struct source *s)
{
	if (s->lab != NULL)
		ev_timer_stop(s->loop, &s->lab_turn);
	manifest_free(s->manifest);
	lab_free(s->lab);
	prober_free(s->prober);
	exec_helper_stop(&s->exec);
	host_names_free(s->host_names);
	apiserver_free(s->apiserver);
	checkpoint_free(s->checkpoint);
	credentials_fini(&s->credentials);
	*s = (struct source){0};
}

void source_json(const struct source *s, struct json *j)
{
	struct apiserver_state state;

	if (s->apiserver == NULL) {
		json_string(j, "kind", "manifests");
		json_string(j, "path", s->config->manifests);
		return;
	}
	apiserver_state(s->apiserver, &state);
	json_string(j, "kind", "apiserver");
	json_string(j, "server", state.server);
	json_bool(j, "reachable", state.reachable);
	json_string(j, "problem", state.problem);
	if (state.heard_ms != 0)
		json_number(j, "heardMillisAgo", (int64_t)(clock_ms() - state.heard_ms));
	json_number(j, "events", (int64_t)state.events);
	json_number(j, "lists", (int64_t)state.lists);
	checkpoint_json(s->checkpoint, j);
}

void source_text(const struct source *s, struct buf *out)
{
	struct apiserver_state state;

	if (s->apiserver == NULL) {
		buf_printf(out, "manifests %s", s->config->manifests);
		return;
	}
	apiserver_state(s->apiserver, &state);
	buf_printf(out, "API server %s, %s", state.server, state.reachable ? "reachable" : "not reachable");
	if (state.heard_ms != 0)
		buf_printf(out, ", last heard %" PRIu64 " s ago", (clock_ms() - state.heard_ms) / 1000);
	buf_printf(out, ", %" PRIu64 " events, %" PRIu64 " lists", state.events, state.lists);
	if (state.problem[0] != '\0')
		buf_printf(out, " (%s)", state.problem);
	checkpoint_text(s->checkpoint, out);
}
