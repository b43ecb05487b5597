/* What the daemon answers on its control socket. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "daemon/announce.h"
#include "daemon/control_dns.h"
#include "daemon/control_explain.h"
#include "daemon/control_services.h"
#include "daemon/daemon_private.h"
#include "daemon/steering.h"
#include "daemon/dns_server.h"
#include "dns/server/bindings.h"
#include "base/version.h"

#define QUARANTINED_SHOWN 5 /* lines of text; JSON has all */

bool daemon_ready(const struct daemon *d)
{
	return sync_stats(d->sync)->done && dns_server_complete(d);
}

static const char *start_word(enum sync_start start)
{
	return start == START_NONE ? "none" : start == START_LOADED ? "loaded" : "adopted";
}

static void json_objects(struct json *j, const struct daemon *d)
{
	json_object(j, "objects");
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		json_number(j, object_kind_name((enum object_kind)kind),
			    (int64_t)store_count(d->store, (enum object_kind)kind));
	json_end(j);
}

/* The services that the kernel refuses, in arbitrary order. */
static const struct store_service *next_quarantined(const struct daemon *d, size_t *at)
{
	const struct store_service *service;

	while ((service = store_next_service(d->store, at)) != NULL)
		if (service->refusal != NULL)
			return service;
	return NULL;
}

static void json_quarantined(struct json *j, const struct daemon *d)
{
	const struct store_service *service;
	size_t at = 0;

	json_array(j, "quarantined");
	while (sync_stats(d->sync)->quarantined != 0 && (service = next_quarantined(d, &at)) != NULL) {
		json_object(j, NULL);
		json_string(j, "service", service->key);
		json_string(j, "reason", service->refusal);
		json_end(j);
	}
	json_end(j);
}

static void text_quarantined(const struct daemon *d, struct buf *out)
{
	const size_t quarantined = sync_stats(d->sync)->quarantined;
	const struct store_service *service;
	size_t at = 0, shown = 0;

	while (shown < quarantined && shown < QUARANTINED_SHOWN && (service = next_quarantined(d, &at)) != NULL) {
		buf_printf(out, "         service %s in quarantine: %s\n", service->key, service->refusal);
		shown++;
	}
	if (quarantined > shown)
		buf_printf(out, "         and %zu more services in quarantine\n", quarantined - shown);
}

static void json_kernel(struct json *j, const struct daemon *d)
{
	const struct sync_stats *stats = sync_stats(d->sync);
	const struct stale_stats stale = stale_stats(d->stale);

	json_object(j, "kernel");
	json_bool(j, "enabled", d->nft != NULL);
	json_string(j, "table", d->config->table);
	json_bool(j, "inSync", stats->in_sync);
	json_string(j, "start", start_word(stats->start));
	json_number(j, "startOperations", (int64_t)stats->start_operations);
	json_number(j, "syncs", (int64_t)stats->syncs);
	json_number(j, "operations", (int64_t)stats->operations);
	json_number(j, "refused", (int64_t)stats->refused);
	json_number(j, "repairs", (int64_t)stats->repairs);
	json_quarantined(j, d);
	json_number(j, "flowsDeleted", (int64_t)(stale.flows_deleted[0] + stale.flows_deleted[1]));
	json_number(j, "affinityDeleted", (int64_t)stale.affinity_deleted);
	json_number(j, "lastSyncMillis", stats->last_wall_ms);
	json_number(j, "lastSyncMicroseconds", (int64_t)stats->last_us);
	json_number(j, "lastSyncOperations", (int64_t)stats->last_operations);
	json_end(j);
}

static void json_memory(struct json *j, const struct daemon *d)
{
	uint64_t used = 0;

	json_object(j, "memory");
	if (memory_limit_used(&d->memory, &used))
		json_number(j, "usedBytes", (int64_t)used);
	json_number(j, "targetBytes", (int64_t)d->memory_target_bytes);
	json_number(j, "limitBytes", (int64_t)d->memory.limit_bytes);
	json_string(j, "limitedBy", memory_source_text(d->memory.source));
	json_end(j);
}

static void text_memory(const struct daemon *d, struct buf *out)
{
	uint64_t used = 0;

	if (!memory_limit_used(&d->memory, &used))
		return;
	buf_printf(out, "memory   %" PRIu64 " of %" PRIu64 " MB; limit %" PRIu64 " MB (%s)\n", used >> 20,
		   d->memory_target_bytes >> 20, d->memory.limit_bytes >> 20, memory_source_text(d->memory.source));
}

static void json_problems(struct json *j, const struct daemon *d)
{
	char text[ADDR_PORT_TEXT_BYTES];
	size_t count = 0;
	const struct binding_problem *p = d->server == NULL ? NULL : server_problems(d->server, &count);

	json_array(j, "notServed");
	for (size_t i = 0; i < count; i++) {
		json_object(j, NULL);
		json_string(j, "address", addr_port_format(&p[i].at.addr, p[i].at.port, text));
		json_string(j, "reason", p[i].reason);
		json_end(j);
	}
	json_end(j);
}

static void json_dns(struct json *j, const struct daemon *d)
{
	char text[ADDR_PORT_TEXT_BYTES];
	struct server_counts counts = {0};

	json_object(j, "dns");
	json_bool(j, "enabled", !d->config->no_dns);
	json_bool(j, "up", d->server != NULL);
	json_array(j, "listen");
	for (size_t i = 0; d->server != NULL && i < d->config->dns_listen.count; i++)
		json_string(j, NULL,
			    addr_port_format(&d->config->dns_listen.items[i].addr, d->config->dns_listen.items[i].port,
					     text));
	json_end(j);
	json_problems(j, d);
	steering_json(d, j);
	if (d->server != NULL)
		server_counts(d->server, &counts);
	json_number(j, "serial", zone_serial(d->zone));
	json_number(j, "queries", (int64_t)counts.queries);
	json_end(j);
}

static void status_json(const struct daemon *d, struct buf *out)
{
	struct json j = {.out = out};

	json_object(&j, NULL);
	json_string(&j, "version", version_text());
	json_string(&j, "node", d->config->node_name);
	json_number(&j, "uptimeMillis", (int64_t)(clock_ms() - d->started_ms));
	json_bool(&j, "ready", daemon_ready(d));
	json_object(&j, "source");
	source_json(&d->source, &j);
	json_bool(&j, "complete", store_is_complete(d->store));
	json_end(&j);
	json_objects(&j, d);
	json_kernel(&j, d);
	json_memory(&j, d);
	json_dns(&j, d);
	announce_json(d->announce, &j);
	rights_json(&d->rights, &j);
	source_exec_json(&d->source, &j);
	json_end(&j);
	buf_puts(out, "\n");
}

static void text_kernel(const struct daemon *d, struct buf *out)
{
	const struct sync_stats *stats = sync_stats(d->sync);
	time_t seconds = (time_t)(stats->last_wall_ms / 1000);
	char when[32];
	struct tm utc;

	if (d->nft == NULL) {
		buf_puts(out, "kernel   off\n");
		return;
	}
	buf_printf(out, "kernel   %s, table inet %s", stats->in_sync ? "in sync" : "not in sync", d->config->table);
	if (stats->done) {
		gmtime_r(&seconds, &utc);
		strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
		buf_printf(out, ", %s at start; last sync %s took %.3f ms for %zu operations", start_word(stats->start),
			   when, (double)stats->last_us / 1000, stats->last_operations);
	}
	buf_printf(out, "; %" PRIu64 " syncs, %" PRIu64 " refused, %" PRIu64 " repairs\n", stats->syncs, stats->refused,
		   stats->repairs);
	text_quarantined(d, out);
}

static void text_dns(const struct daemon *d, struct buf *out)
{
	char text[ADDR_PORT_TEXT_BYTES];
	struct server_counts counts;

	if (d->server == NULL) {
		buf_puts(out, "dns      off\n");
		return;
	}
	server_counts(d->server, &counts);
	buf_puts(out, "dns      up on");
	for (size_t i = 0; i < d->config->dns_listen.count; i++)
		buf_printf(out, " %s",
			   addr_port_format(&d->config->dns_listen.items[i].addr, d->config->dns_listen.items[i].port,
					    text));
	buf_printf(out, ", serial %" PRIu32 ", %" PRIu64 " queries\n", zone_serial(d->zone), counts.queries);
	size_t count;
	const struct binding_problem *p = server_problems(d->server, &count);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "         not served: %s: %s\n", addr_port_format(&p[i].at.addr, p[i].at.port, text),
			   p[i].reason);
	steering_text(d, out);
}

static const char *const plural[OBJECT_KINDS] = {
	[OBJECT_SERVICE] = "services",
	[OBJECT_SLICE] = "endpoint slices",
	[OBJECT_NAMESPACE] = "namespaces",
	[OBJECT_NODE] = "nodes",
	[OBJECT_POD] = "pods",
	[OBJECT_SERVICE_CIDR] = "service CIDRs",
};

static void status_text(const struct daemon *d, struct buf *out)
{
	buf_printf(out, "fairlead %s on node %s, up %" PRIu64 " s, %s\n", version_text(), d->config->node_name,
		   (clock_ms() - d->started_ms) / 1000, daemon_ready(d) ? "ready" : "not ready");
	buf_puts(out, "source   ");
	source_text(&d->source, out);
	buf_puts(out, store_is_complete(d->store) ? ", complete\n" : ", not complete yet\n");
	buf_puts(out, "objects ");
	for (int kind = 0; kind < OBJECT_KINDS; kind++)
		buf_printf(out, "%s %zu %s", kind == 0 ? "" : ",", store_count(d->store, (enum object_kind)kind),
			   plural[kind]);
	buf_puts(out, "\n");
	text_kernel(d, out);
	text_memory(d, out);
	text_dns(d, out);
	announce_text(d->announce, out);
	rights_text(&d->rights, out);
	source_exec_text(&d->source, out);
}

static int answer_status(void *ctx, int argc, char **argv, struct buf *out)
{
	const struct daemon *d = ctx;

	if (argc > 1 && strcmp(argv[1], "json") == 0)
		status_json(d, out);
	else
		status_text(d, out);
	return daemon_ready(d) && sync_stats(d->sync)->in_sync ? 0 : 1;
}

static int answer_ready(void *ctx, int argc, char **argv, struct buf *out)
{
	(void)argc, (void)argv, (void)out;
	return daemon_ready(ctx) ? 0 : 1;
}

const struct control_command control_commands[] = {
	{"ready", answer_ready},
	{"status", answer_status},
	{"services", control_services},
	{"endpoints", control_endpoints},
	{"explain", control_explain},
	{"explain-client", control_explain_client},
	{"changes", control_changes},
	{"cluster-dns", control_cluster_dns},
	{"cache-flush", control_cache_flush},
	{.name = NULL},
};
