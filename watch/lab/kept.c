/* Writes and reads allocations. */
#include "watch/lab/kept.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "watch/decode/json.h"
#include "watch/identity.h"

#define VERSION 1

/* ---- writing ---- */

void kept_begin(struct buf *out)
{
	buf_printf(out, "{\"version\":%d,\"services\":[", VERSION);
}

static void addrs_write(struct json *j, const char *key, const struct addr addrs[2])
{
	char text[ADDR_TEXT_BYTES];

	if (addrs[0].family == 0 && addrs[1].family == 0)
		return;
	json_array(j, key);
	for (int i = 0; i < 2; i++)
		if (addrs[i].family != 0)
			json_string(j, NULL, addr_format(&addrs[i], text));
	json_end(j);
}

void kept_add(struct buf *out, const struct kept_service *s)
{
	struct json j = {.out = out};
	char fingerprint[17];

	buf_puts(out, out->data[out->length_bytes - 1] == '[' ? "\n" : ",\n");
	snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, s->fingerprint);
	json_object(&j, NULL);
	json_string(&j, "namespace", s->ns);
	json_string(&j, "name", s->name);
	json_string(&j, "spec", fingerprint);
	addrs_write(&j, "clusterIPs", s->had->cluster_ips);
	addrs_write(&j, "loadBalancer", s->had->balancer_ips);
	if (s->had->health_port != 0)
		json_number(&j, "healthCheckNodePort", s->had->health_port);
	if (s->had->port_count != 0) {
		json_object(&j, "nodePorts");
		for (size_t i = 0; i < s->had->port_count; i++)
			json_number(&j, s->had->ports[i].name, s->had->ports[i].node_port);
		json_end(&j);
	}
	json_end(&j);
}

void kept_end(struct buf *out)
{
	buf_puts(out, "\n]}\n");
}

/* ---- reading ---- */

static const char *text_of(const struct value *map, const char *key)
{
	const struct value *v = value_get(map, key);

	return v != NULL && v->type == VALUE_STRING ? v->text : "";
}

static const struct value *items_of(const struct value *map, const char *key, enum value_type type)
{
	const struct value *v = value_get(map, key);

	return v != NULL && v->type == type ? v->first : NULL;
}

static void addrs_read(const struct value *v, struct addr addrs[2])
{
	struct addr a;

	for (; v != NULL; v = v->next)
		if (v->type == VALUE_STRING && addr_parse(&a, v->text))
			addrs[family_index(a.family)] = a;
}

static uint16_t port_of(const struct value *v)
{
	return v != NULL && v->type == VALUE_NUMBER && v->whole && v->integer > 0 && v->integer <= UINT16_MAX
		       ? (uint16_t)v->integer
		       : 0;
}

static bool service_read(const struct value *v, void (*found)(void *ctx, const struct kept_service *s), void *ctx)
{
	struct allocated had = {0};
	struct kept_service s = {.ns = text_of(v, "namespace"), .name = text_of(v, "name"), .had = &had};

	if (!name_is_label(s.ns) || !name_is_label(s.name))
		return false;
	s.fingerprint = strtoull(text_of(v, "spec"), NULL, 16);
	addrs_read(items_of(v, "clusterIPs", VALUE_LIST), had.cluster_ips);
	addrs_read(items_of(v, "loadBalancer", VALUE_LIST), had.balancer_ips);
	had.health_port = port_of(value_get(v, "healthCheckNodePort"));
	for (const struct value *p = items_of(v, "nodePorts", VALUE_MAP); p != NULL; p = p->next)
		if (port_of(p) != 0 && (p->key[0] == '\0' || name_is_label(p->key)))
			allocated_port_set(&had, p->key, port_of(p));
	found(ctx, &s);
	allocated_fini(&had);
	return true;
}

const char *kept_read(const char *text, size_t length_bytes, void (*found)(void *ctx, const struct kept_service *s),
		      void *ctx)
{
	struct arena *arena = arena_new(65536);
	const char *wrong = NULL;
	size_t error_at;
	const struct value *root = json_parse(text, length_bytes, arena, &error_at);
	const struct value *version = value_get(root, "version");

	if (root == NULL)
		wrong = "it is not JSON";
	else if (version == NULL || version->type != VALUE_NUMBER || !version->whole || version->integer != VERSION)
		wrong = "it is of another version";
	for (const struct value *v = wrong == NULL ? items_of(root, "services", VALUE_LIST) : NULL;
	     v != NULL && wrong == NULL; v = v->next)
		if (!service_read(v, found, ctx))
			wrong = "a Service in it has no name";
	arena_free(arena);
	return wrong;
}
