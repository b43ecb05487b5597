/* Answers status.dns and SVC.NS.why.dns. */
#include "dns/answer/debug_names.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "dns/answer/txt.h"
#include "dns/zone/table.h"

/* ---- status ---- */

static const char *sync_text(const struct zone *z)
{
	if (!atomic_load_explicit(&z->complete, memory_order_acquire))
		return "not complete yet";
	return atomic_load_explicit(&z->in_sync, memory_order_relaxed) ? "in sync" : "not in sync";
}

static void put_status(const struct zone *z, struct writer *w)
{
	static const char *const names[ZONE_NOTES] = {[ZONE_NODE] = "node",
						      [ZONE_VERSION] = "version",
						      [ZONE_SOURCE] = "source",
						      [ZONE_UPSTREAMS] = "upstreams"};
	const uint64_t away = atomic_load_explicit(&z->away_ms, memory_order_relaxed);
	const uint64_t changed = atomic_load_explicit(&z->changed_ms, memory_order_relaxed);
	const uint64_t now = clock_ms();

	for (unsigned i = 0; i < ZONE_NOTES; i++) {
		const char *text = atomic_load_explicit(&z->notes[i], memory_order_acquire);
		if (text != NULL)
			txt_put(w, "%s=%s", names[i], text);
	}
	if (away != 0 && away <= now)
		txt_put(w, "source-silent-seconds=%" PRIu64, (now - away) / 1000);
	txt_put(w, "sync=%s", sync_text(z));
	if (changed != 0 && changed <= now)
		txt_put(w, "changed-seconds-ago=%" PRIu64, (now - changed) / 1000);
	txt_put(w, "serial=%" PRIu32, atomic_load_explicit(&z->serial, memory_order_relaxed));
}

/* ---- why ---- */

static void put_target(const struct service_port *p, const struct target *t, struct writer *w)
{
	char addr[ADDR_PORT_TEXT_BYTES];

	txt_put(w, "endpoint=%s port=%s%s%u/%s %s%s", addr_port_format(&t->addr, t->port, addr), p->name,
		p->name[0] != '\0' ? " " : "", p->port, proto_name(p->proto),
		service_target_used(t) ? "" : "not used: ", service_target_state(p, t));
}

/* Those that are not used first: they are what is asked for. */
static void put_targets(const struct service *s, struct writer *w)
{
	size_t said = 0;

	for (int used = 0; used < 2; used++) {
		size_t left = DEBUG_LOOKED_AT_MAX;
		for (size_t i = 0; i < s->port_count && left != 0 && said < DEBUG_ENDPOINTS_MAX; i++, left -= left != 0)
			for (uint32_t k = 0; k < s->ports[i].target_count && left != 0 && said < DEBUG_ENDPOINTS_MAX;
			     k++, left--)
				if (service_target_used(&s->ports[i].targets[k]) == (used == 1)) {
					put_target(&s->ports[i], &s->ports[i].targets[k], w);
					said++;
				}
	}
	if (s->target_count > said)
		txt_put(w, "more=%" PRIu32, s->target_count - (uint32_t)said);
}

static void put_dns_endpoints(const struct service *s, struct writer *w)
{
	char addr[ADDR_TEXT_BYTES];
	size_t said = 0;

	for (size_t i = 0; i < s->dns_waiting_count && said < DEBUG_ENDPOINTS_MAX; i++, said++)
		txt_put(w, "endpoint=%s not used: not ready", s->dns_waiting[i]);
	for (size_t i = 0; i < s->dns_endpoint_count && said < DEBUG_ENDPOINTS_MAX; i++, said++)
		txt_put(w, "endpoint=%s name=%s used", addr_format(&s->dns_endpoints[i].addr, addr),
			s->dns_endpoints[i].label);
	if (s->dns_endpoint_count + s->dns_waiting_count > said)
		txt_put(w, "more=%zu", s->dns_endpoint_count + s->dns_waiting_count - said);
}

static void put_why(const struct service *s, struct writer *w)
{
	static const char *const kinds[] = {[DNS_NONE] = "no records",
					    [DNS_CLUSTER_IP] = "cluster-ip",
					    [DNS_HEADLESS] = "headless",
					    [DNS_EXTERNAL_NAME] = "external-name"};

	txt_put(w, "service=%s/%s", s->ns, s->name);
	txt_put(w, "kind=%s", kinds[s->dns_kind]);
	if (s->dns_kind == DNS_EXTERNAL_NAME)
		txt_put(w, "target=%s", s->external_name);
	else if (s->proxied)
		put_targets(s, w);
	else
		put_dns_endpoints(s, w);
}

/* ---- both ---- */

static const struct view *service_of(const struct zone *z, const struct owner_ref *s)
{
	const struct name *n = s->name;

	return table_service(z, n->wire + n->label_at[0], (size_t)(n->label_at[2] - n->label_at[0]));
}

/* There is a TXT record; service NULL: the status. */
static void answer_txt(const struct zone *z, const struct owner_ref *s, const struct service *service, unsigned type,
		       struct reply *r)
{
	uint8_t *p = type == TYPE_TXT ? record_open(r, owner_ref_at(s, 0), TYPE_TXT, 0) : NULL;

	if (type == TYPE_ANY)
		record_hinfo(r, 0);
	else if (type != TYPE_TXT)
		record_soa(r, &r->authorities, s->zone_at, z->negative_ttl_s, z);
	if (p == NULL)
		return;
	if (service != NULL)
		put_why(service, &r->w);
	else
		put_status(z, &r->w);
	record_close(r, p, &r->answers);
}

static bool namespace_exists(const struct zone *z, const struct owner_ref *s)
{
	const struct name *n = s->name;

	return table_namespace(z, n->wire + n->label_at[0], (size_t)(n->label_at[1] - n->label_at[0]));
}

bool debug_answer(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r)
{
	if (s->above == 2 && name_label_is(s->name, 0, "status")) {
		answer_txt(z, s, NULL, type, r);
		return true;
	}
	if (s->above < 2 || s->above > 4 || !name_label_is(s->name, s->above - 2, "why"))
		return false;
	if (s->above == 2 || (s->above == 3 && namespace_exists(z, s))) {
		record_soa(r, &r->authorities, s->zone_at, z->negative_ttl_s, z); /* names below it exist (RFC 8020) */
		return true;
	}
	const struct view *v = s->above == 4 ? service_of(z, s) : NULL;
	if (v != NULL && v->service != NULL)
		answer_txt(z, s, v->service, type, r);
	return v != NULL && v->service != NULL;
}
