/* Decides whether the node is healthy. */
#include "observe/health.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "dns/server/bindings.h"

#define PAGES 3
#define TIME_TEXT_BYTES 32

static const struct metric_desc page_totals[PAGES] = {
	{"kubeproxy_proxy_healthz_total", "Answers of /healthz by status code.", METRIC_COUNTER, NULL, 0},
	{"kubeproxy_proxy_livez_total", "Answers of /livez by status code.", METRIC_COUNTER, NULL, 0},
	{"fairlead_readyz_total", "Answers of /readyz by status code.", METRIC_COUNTER, NULL, 0},
};

struct health {
	pthread_mutex_t lock; /* of state; held for as long as it takes to write a page */
	struct health_state state;
	struct binding_problem *dns; /* the state's; of the lock, too */
	uint64_t limit_ms;
	bool tracked;
	atomic_uint_fast64_t answers[PAGES][2]; /* 200, 503 */
};

struct health_verdict health_decide(const struct health_state *state, struct health_now now, uint64_t limit_ms)
{
	struct health_verdict v = {.healthy = true};

	if (state->pending_since_ms != 0 && now.ms - state->pending_since_ms >= limit_ms)
		v.healthy = false;
	if (state->alive_ms != 0 && now.ms - state->alive_ms >= limit_ms)
		v.healthy = false;
	v.node_eligible = state->node == HEALTH_NODE_UNTRACKED || state->node == HEALTH_NODE_PRESENT;
	v.ready = v.healthy && state->synced_wall_ms != 0 && !state->failed && state->dns_count == 0;
	return v;
}

/* RFC 3339 in UTC, as Go prints a time; the year 1 stands for never. */
static const char *time_format(int64_t wall_ms, char text[TIME_TEXT_BYTES])
{
	const time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char date[24];

	if (wall_ms == 0)
		return "0001-01-01T00:00:00Z";
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, TIME_TEXT_BYTES, "%s.%03uZ", date, (unsigned)(wall_ms % 1000));
	return text;
}

static void family_put(struct json *j, const char *family, const char *updated, bool healthy)
{
	json_object(j, family);
	json_string(j, "lastUpdated", updated);
	json_bool(j, "healthy", healthy);
	json_end(j);
}

static void dns_put(struct json *j, const struct health_state *state)
{
	char text[ADDR_PORT_TEXT_BYTES];

	json_array(j, "dnsNotServed");
	for (size_t i = 0; i < state->dns_count; i++) {
		const struct binding_problem *p = &state->dns[i];
		json_object(j, NULL);
		json_string(j, "address", addr_port_format(&p->at.addr, p->at.port, text));
		json_string(j, "reason", p->reason);
		json_end(j);
	}
	json_end(j);
}

unsigned health_render(enum health_page page, const struct health_state *state, struct health_now now,
		       uint64_t limit_ms, struct buf *body)
{
	const struct health_verdict v = health_decide(state, now, limit_ms);
	const bool good[PAGES] = {v.healthy && v.node_eligible, v.healthy, v.ready};
	char now_text[TIME_TEXT_BYTES], updated_text[TIME_TEXT_BYTES];
	const char *now_at = time_format(now.wall_ms, now_text);
	const char *updated_at = time_format(state->synced_wall_ms, updated_text);
	struct json j = {.out = body};

	json_object(&j, NULL);
	/* A good answer carries the present time: older load balancer checks expect a fresh date there. */
	json_string(&j, "lastUpdated", good[page] ? now_at : updated_at);
	json_string(&j, "currentTime", now_at);
	if (page == HEALTH_PAGE_HEALTHZ)
		json_bool(&j, "nodeEligible", v.node_eligible);
	if (page == HEALTH_PAGE_READYZ)
		json_bool(&j, "ready", v.ready);
	json_bool(&j, "healthy", v.healthy);
	if (page == HEALTH_PAGE_READYZ && state->dns_count > 0)
		dns_put(&j, state);
	if (state->synced_wall_ms != 0) {
		json_object(&j, "status");
		family_put(&j, "IPv4", updated_at, v.healthy);
		family_put(&j, "IPv6", updated_at, v.healthy);
		json_end(&j);
	}
	json_end(&j);
	return good[page] ? 200 : 503;
}

static void answers_put(void *ctx, struct metrics_page *page)
{
	struct health *h = ctx;

	for (size_t i = 0; i < PAGES; i++) {
		metrics_put(page, &page_totals[i], METRIC_LABELS({"code", "200"}),
			    (double)atomic_load(&h->answers[i][0]));
		metrics_put(page, &page_totals[i], METRIC_LABELS({"code", "503"}),
			    (double)atomic_load(&h->answers[i][1]));
	}
}

struct health *health_new(uint64_t limit_ms, bool tracked, struct metrics *metrics)
{
	struct health *h = mem_alloc(sizeof *h);

	pthread_mutex_init(&h->lock, NULL);
	h->limit_ms = limit_ms;
	h->tracked = tracked;
	health_alive(h);
	health_node_set(h, NULL);
	metrics_provider(metrics, answers_put, h);
	return h;
}

void health_free(struct health *h)
{
	if (h == NULL)
		return;
	pthread_mutex_destroy(&h->lock);
	free(h->dns);
	free(h);
}

/* ---- what the main thread tells ---- */

void health_alive(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	h->state.alive_ms = clock_ms();
	pthread_mutex_unlock(&h->lock);
}

void health_dns_set(struct health *h, const struct binding_problem *problems, size_t count)
{
	struct binding_problem *copy = mem_array(count, sizeof *copy), *previous = h->dns;

	for (size_t i = 0; i < count; i++)
		copy[i] = problems[i];
	pthread_mutex_lock(&h->lock);
	h->state.dns = h->dns = copy;
	h->state.dns_count = count;
	pthread_mutex_unlock(&h->lock);
	free(previous);
}

/* The lock is held. */
static void queued(struct health_state *state)
{
	if (state->pending_since_ms == 0)
		state->pending_since_ms = clock_ms();
}

void health_queued(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	queued(&h->state);
	pthread_mutex_unlock(&h->lock);
}

void health_synced(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	h->state.pending_since_ms = 0;
	h->state.failed = false;
	h->state.synced_wall_ms = clock_wall_ms();
	pthread_mutex_unlock(&h->lock);
}

void health_failed(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	queued(&h->state);
	h->state.failed = true;
	pthread_mutex_unlock(&h->lock);
}

static enum health_node node_state(const struct health *h, const struct node_object *node)
{
	if (node == NULL)
		return h->tracked ? HEALTH_NODE_MISSING : HEALTH_NODE_UNTRACKED;
	return node->deleting || node->to_be_deleted ? HEALTH_NODE_LEAVING : HEALTH_NODE_PRESENT;
}

void health_node_set(struct health *h, const struct node_object *node)
{
	pthread_mutex_lock(&h->lock);
	h->state.node = node_state(h, node);
	pthread_mutex_unlock(&h->lock);
}

/* ---- what any thread asks ---- */

static struct health_now now(void)
{
	return (struct health_now){clock_ms(), clock_wall_ms()};
}

bool health_is_healthy(struct health *h)
{
	pthread_mutex_lock(&h->lock);
	const bool healthy = health_decide(&h->state, now(), h->limit_ms).healthy;
	pthread_mutex_unlock(&h->lock);
	return healthy;
}

static void page_put(struct health *h, enum health_page page, struct http_reply *reply)
{
	reply->content_type = "application/json";
	http_header_set(reply, "X-Content-Type-Options", "nosniff");
	pthread_mutex_lock(&h->lock);
	reply->status = health_render(page, &h->state, now(), h->limit_ms, &reply->body);
	pthread_mutex_unlock(&h->lock);
	atomic_fetch_add(&h->answers[page][reply->status != 200], 1);
}

bool health_handle(void *ctx, const char *path, struct http_reply *reply)
{
	static const char *const paths[PAGES] = {"/healthz", "/livez", "/readyz"};

	for (unsigned page = 0; page < PAGES; page++) {
		if (strcmp(path, paths[page]) != 0)
			continue;
		page_put(ctx, (enum health_page)page, reply);
		return true;
	}
	reply->status = 404;
	buf_puts(&reply->body, "404 page not found\n");
	return true;
}
