/* Steers the cluster DNS address to this process, and renews that. */
#include "daemon/steering.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/cluster_dns.h"
#include "daemon/dns_threads.h"

#define RETRY_RENEWALS 4

static void renew(struct daemon *d);

static void on_renew(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop, (void)events;
	renew(w->data);
}

/* ---- what is wanted ---- */

static bool is_asked_for(const struct config *c)
{
	return !c->no_dns && !(c->steered_dns.none && c->local_dns.count == 0);
}

static void give_up(struct daemon *d, const char *why_not)
{
	steer_close(d->steering.table);
	local_routes_close(d->steering.routes);
	d->steering.table = NULL;
	d->steering.routes = NULL;
	d->steering.why_not = why_not;
}

void steering_open(struct daemon *d)
{
	struct steering *s = &d->steering;
	const char *error = "";
	int failed;

	if (!is_asked_for(d->config))
		return;
	ev_init(&s->renew, on_renew);
	s->renew.repeat = STEERING_RENEW_MS / 1000.0;
	s->renew.data = d;
	s->routes = local_routes_open(LOCAL_ROUTES_STEERED);
	s->table = steer_open(d->config->table, &error);
	if (s->table == NULL || s->routes == NULL) {
		log_warn("steering: %s", s->table == NULL ? error : "no rtnetlink socket");
		give_up(d, "no netlink socket");
		return;
	}
	failed = steer_probe(s->table);
	if (failed == -EOPNOTSUPP) {
		log_notice("steering: this kernel has no tables with an owner (Linux 5.12): the cluster DNS address "
			   "leads to its "
			   "Service's endpoints");
		give_up(d, "this kernel has no tables with an owner");
	} else if (failed < 0) {
		log_warn("steering: %s", steer_error(s->table));
		give_up(d, "the kernel refuses the table");
	}
}

size_t steering_room(const struct daemon *d)
{
	const struct config *c = d->config;

	if (d->steering.table == NULL)
		return 0;
	return c->local_dns.count + (c->steered_dns.none ? 0 : c->steered_dns.count > 0 ? c->steered_dns.count : 2);
}

struct steered_dns steering_view(const struct daemon *d)
{
	const struct cluster_dns_addrs *given = &d->config->steered_dns;

	return (struct steered_dns){.on = d->steering.table != NULL && !given->none,
				    .count = given->count,
				    .addrs = given->items,
				    .local_count = d->config->no_dns ? 0 : d->config->local_dns.count,
				    .local = d->config->local_dns.items};
}

bool steering_binds(const struct daemon *d)
{
	const struct steering *s = &d->steering;
	const struct config *c = d->config;
	bool bound = s->count > 0;

	if (s->table == NULL)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct addr_port at = {.addr = s->wanted[i].to, .port = STEER_PORT};
		bound = bound && server_extra_reason(d->server, &at) == NULL;
	}
	return !bound || (!c->steered_dns.none && c->steered_dns.count == 0);
}

static size_t wanted_list(const struct daemon *d, struct local_route wanted[2 * CLUSTER_DNS_ADDRS_MAX])
{
	const struct store_service *service = store_service(d->store, CLUSTER_DNS_NAMESPACE, CLUSTER_DNS_NAME);
	struct addr addrs[2 * CLUSTER_DNS_ADDRS_MAX];
	size_t count = cluster_dns_list(&d->config->steered_dns, &d->config->local_dns,
					service != NULL ? service->object : NULL, addrs);

	if (count > steering_room(d))
		count = steering_room(d);
	for (size_t i = 0; i < count; i++)
		/* What this host sends there leaves from the node's own address: endpoints can reply to that one. */
		wanted[i] = (struct local_route){.to = addrs[i], .source = node_ip(&d->node, addrs[i].family)};
	return count;
}

/* ---- renewing ---- */

static void log_renewed(struct steering *s, const char *held, uint64_t now_ms)
{
	if (held != NULL && (s->held == NULL || strcmp(s->held, held) != 0))
		log_warn("steering: %s: queries to the cluster DNS address go to its Service's endpoints", held);
	else if (held == NULL && s->held != NULL)
		log_notice("steering: queries to the cluster DNS address come here again");
	else if (held == NULL && s->renewed_ms != 0 && now_ms - s->renewed_ms >= STEER_TTL_MS)
		log_info("steering: not renewed for %" PRIu64 " ms, on again", now_ms - s->renewed_ms);
	s->lapses += s->renewed_ms != 0 && now_ms - s->renewed_ms >= STEER_TTL_MS;
	s->held = held;
	s->renewed_ms = held == NULL ? now_ms : 0;
}

static void log_reason(const struct steering *s, size_t i, const char *reason)
{
	char text[ADDR_TEXT_BYTES];

	if (reason != NULL && (s->reasons[i] == NULL || strcmp(s->reasons[i], reason) != 0))
		log_warn("steering: %s is not steered: %s", addr_format(&s->wanted[i].to, text), reason);
	else if (reason == NULL && s->reasons[i] != NULL)
		log_notice("steering: %s is steered now", addr_format(&s->wanted[i].to, text));
}

/* Those that have a socket and come to this host. */
static size_t usable_list(struct daemon *d, struct addr addrs[STEER_ADDRS_MAX])
{
	struct steering *s = &d->steering;
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct addr_port at = {.addr = s->wanted[i].to, .port = STEER_PORT};
		const char *reason = server_extra_reason(d->server, &at);
		if (reason == NULL && !local_routes_hold(s->routes, &at.addr)) {
			local_routes_set(s->routes, s->wanted, s->count, NULL);
			if (!local_routes_hold(s->routes, &at.addr))
				reason = "the kernel takes no local route";
		}
		log_reason(s, i, reason);
		s->reasons[i] = reason;
		if (reason == NULL)
			addrs[count++] = at.addr;
	}
	return count;
}

/* A thread that does not get the processor once is not stuck; nor is one that was stopped together with this one. */
static bool is_stuck(struct daemon *d, uint64_t now_ms)
{
	struct steering *s = &d->steering;
	const bool watched = now_ms - s->watched_ms < STEER_TTL_MS;

	s->watched_ms = now_ms;
	if (dns_threads_are_alive(d, now_ms) || !watched)
		s->alive_ms = now_ms;
	return now_ms - s->alive_ms >= STEER_TTL_MS;
}

static void renew(struct daemon *d)
{
	struct steering *s = &d->steering;
	struct addr addrs[STEER_ADDRS_MAX];
	const uint64_t now_ms = clock_ms();
	const char *held = NULL;

	if (is_stuck(d, now_ms)) {
		log_renewed(s, "a DNS thread is stuck", now_ms);
		return;
	}
	if (s->alive_ms != now_ms)
		return; /* it ends by itself unless the thread comes round in time */
	if (++s->renewals % RETRY_RENEWALS == 0)
		server_retry(d->server); /* a port may be free now */
	size_t count = usable_list(d, addrs);
	if (steer_set(s->table, addrs, count) != 0 ||
	    (steer_renew(s->table) != 0 && (steer_set(s->table, addrs, count) != 0 || steer_renew(s->table) != 0)))
		held = steer_error(s->table);
	log_renewed(s, held, now_ms);
}

static void log_wanted(const struct steering *s)
{
	char text[ADDR_TEXT_BYTES];
	struct buf list = {0};

	for (size_t i = 0; i < s->count; i++)
		buf_printf(&list, "%s%s", i != 0 ? ", " : "", addr_format(&s->wanted[i].to, text));
	if (s->count == 0)
		log_notice("steering: no cluster DNS address any more");
	else
		log_notice("steering: DNS queries to %s come to this process", list.data);
	buf_fini(&list);
}

static bool same_wanted(const struct steering *s, const struct local_route *wanted, size_t count)
{
	return count == s->count && (count == 0 || memcmp(wanted, s->wanted, count * sizeof *wanted) == 0);
}

static void follow(struct daemon *d, const struct local_route *wanted, size_t count)
{
	struct steering *s = &d->steering;
	struct addr_port places[STEER_ADDRS_MAX];

	if (count > 0)
		memcpy(s->wanted, wanted, count * sizeof *wanted);
	s->count = count;
	memset(s->reasons, 0, sizeof s->reasons);
	for (size_t i = 0; i < count; i++)
		places[i] = (struct addr_port){.addr = wanted[i].to, .port = STEER_PORT};
	server_extra_set(d->server, places, count);
	log_wanted(s);
	if (count == 0 && steer_set(s->table, NULL, 0) != 0)
		log_warn("steering: %s", steer_error(s->table));
	int failed = local_routes_set(s->routes, s->wanted, count, NULL);
	if (failed < 0)
		log_warn("steering: local routes: %s", strerror(-failed));
}

void steering_update(struct daemon *d)
{
	struct local_route wanted[2 * CLUSTER_DNS_ADDRS_MAX];
	struct steering *s = &d->steering;

	if (s->table == NULL || d->server == NULL || !sync_stats(d->sync)->done)
		return;
	size_t count = wanted_list(d, wanted);
	if (same_wanted(s, wanted, count))
		return;
	follow(d, wanted, count);
	if (count == 0) {
		ev_timer_stop(d->loop, &s->renew);
		s->renewed_ms = 0;
		return;
	}
	renew(d);
	ev_timer_again(d->loop, &s->renew);
}

void steering_stop(struct daemon *d)
{
	struct steering *s = &d->steering;

	if (s->table == NULL || s->count == 0)
		return;
	ev_timer_stop(d->loop, &s->renew);
	steer_end(s->table);
}

void steering_close(struct daemon *d)
{
	if (d->steering.table == NULL)
		return;
	ev_timer_stop(d->loop, &d->steering.renew);
	give_up(d, NULL);
}
