/* Which Service has which name of the local network's zone. */
#include "dns/zone/lan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

#define LINE_BYTES 512

struct lan {
	const struct lan_input *in;
	struct static_names *names;
	struct map owners; /* wire name → service */
	struct arena *keys;
};

static int by_precedence(const void *left, const void *right)
{
	const struct service *a = *(const struct service *const *)left;
	const struct service *b = *(const struct service *const *)right;

	return service_precedence(a, b);
}

/* ---- addresses ---- */

static bool has_frontend(const struct service *s, enum frontend_kind kind)
{
	for (size_t i = 0; i < s->frontend_count; i++)
		if (s->frontends[i].kind == kind)
			return true;
	return false;
}

static void add_frontends(struct static_names *names, const struct name *name, const struct service *s,
			  enum frontend_kind kind)
{
	const struct addr *last = NULL;

	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct frontend *f = &s->frontends[i];
		if (f->kind != kind || (last != NULL && addr_equal(last, &f->key.addr)))
			continue;
		static_names_add(names, name, &f->key.addr, true);
		last = &f->key.addr;
	}
}

static void add_addresses(struct static_names *names, const struct name *name, const struct service *s)
{
	if (s->dns_kind == DNS_HEADLESS) {
		for (size_t i = 0; i < s->dns_endpoint_count; i++)
			static_names_add(names, name, &s->dns_endpoints[i].addr, false);
	} else if (has_frontend(s, FRONTEND_LOAD_BALANCER)) {
		add_frontends(names, name, s, FRONTEND_LOAD_BALANCER);
	} else if (has_frontend(s, FRONTEND_EXTERNAL_IP)) {
		add_frontends(names, name, s, FRONTEND_EXTERNAL_IP);
	} else {
		for (size_t i = 0; i < s->cluster_ip_count; i++)
			static_names_add(names, name, &s->cluster_ips[i], false);
	}
}

static bool has_addresses(const struct service *s)
{
	return s->dns_kind == DNS_HEADLESS ? s->dns_endpoint_count > 0 : s->dns_kind == DNS_CLUSTER_IP;
}

/* ---- names ---- */

__attribute__((format(printf, 2, 3))) static void say(const struct lan *l, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	l->in->say(l->in->ctx, line);
}

/* Without the dot at its end. */
static const char *text_of(const struct name *name, char text[NAME_TEXT_BYTES])
{
	name_format(name->wire, text);
	text[strlen(text) - 1] = '\0';
	return text;
}

static void give(struct lan *l, const struct name *name, const struct service *s)
{
	const struct service *owner = map_get(&l->owners, name->wire, name->length);
	struct static_found found;
	char text[NAME_TEXT_BYTES];

	if (owner == s)
		return;
	text_of(name, text);
	if (l->in->hosts != NULL && static_names_find(l->in->hosts, name, &found) && found.count > 0) {
		say(l, "service %s/%s: not named %.255s: --dns-hosts has that name", s->ns, s->name, text);
		return;
	}
	if (owner != NULL) {
		say(l, "service %s/%s: not named %.255s: service %s/%s is", s->ns, s->name, text, owner->ns,
		    owner->name);
		return;
	}
	uint8_t *key = arena_packed(l->keys, name->length, 1);
	memcpy(key, name->wire, name->length);
	map_put(&l->owners, key, name->length, (void *)s);
	add_addresses(l->names, name, s);
}

static void give_asked(struct lan *l, const struct service *s)
{
	char text[NAME_TEXT_BYTES], zone[NAME_TEXT_BYTES];
	struct name name;

	for (const char *at = s->lan_names; at != NULL && *at != '\0';) {
		size_t bytes = strcspn(at, ",");
		snprintf(text, sizeof text, "%.*s", (int)bytes, at);
		at += bytes + (at[bytes] == ',');
		if (!name_parse(&name, text))
			continue;
		if (name.labels > l->in->zone->labels && name_ends_with(&name, l->in->zone))
			give(l, &name, s);
		else
			say(l,
			    "service %s/%s: not named %.255s: fairlead/hostname is for names below --dns-zone %.255s",
			    s->ns, s->name, text, text_of(l->in->zone, zone));
	}
}

static void give_own(struct lan *l, const struct service *s)
{
	uint8_t wire[NAME_BYTES];
	size_t bytes = strlen(s->name), at = 0;
	struct name name;

	if (bytes > NAME_LABEL_BYTES || bytes + 1 + l->in->zone->length > NAME_BYTES)
		return;
	wire[0] = (uint8_t)bytes;
	memcpy(wire + 1, s->name, bytes);
	memcpy(wire + 1 + bytes, l->in->zone->wire, l->in->zone->length);
	if (name_read(&name, wire, 1 + bytes + l->in->zone->length, &at))
		give(l, &name, s);
}

struct static_names *lan_names(const struct lan_input *in)
{
	struct lan l = {.in = in, .names = static_names_new(), .keys = arena_new(4096)};

	if (in->count > 0)
		qsort(in->services, in->count, sizeof *in->services, by_precedence);
	for (size_t i = 0; i < in->count; i++)
		if (has_addresses(in->services[i]))
			give_asked(&l, in->services[i]);
	for (size_t i = 0; i < in->count; i++)
		if (has_addresses(in->services[i]))
			give_own(&l, in->services[i]);
	static_names_sort(l.names);
	map_fini(&l.owners);
	arena_free(l.keys);
	return l.names;
}

uint64_t lan_digest(const struct service *s)
{
	uint64_t seed;

	if (s == NULL)
		return 0;
	seed = hash_text(s->lan_names != NULL ? s->lan_names : "", (uint64_t)s->dns_kind + 1);
	seed = hash_bytes(&s->created_s, sizeof s->created_s, seed);
	seed = hash_bytes(s->cluster_ips, sizeof s->cluster_ips, seed);
	for (size_t i = 0; i < s->frontend_count; i++) {
		const struct frontend *f = &s->frontends[i];
		if (f->kind == FRONTEND_LOAD_BALANCER || f->kind == FRONTEND_EXTERNAL_IP)
			seed = hash_bytes(&f->key.addr, sizeof f->key.addr, hash_bytes(&f->kind, sizeof f->kind, seed));
	}
	for (size_t i = 0; s->dns_kind == DNS_HEADLESS && i < s->dns_endpoint_count; i++)
		seed = hash_bytes(&s->dns_endpoints[i].addr, sizeof s->dns_endpoints[i].addr, seed);
	return seed | 1;
}
