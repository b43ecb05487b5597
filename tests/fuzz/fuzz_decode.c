/*
 * Any YAML as a manifest, strictly and leniently: whatever object comes out packs and unpacks to itself, and an object
 * is either passed on or refused, not both.
 */
#include <stdlib.h>
#include <string.h>

#include "watch/decode/decode.h"
#include "watch/decode/decode_pack.h"
#include "watch/identity.h"
#include "watch/manifest/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_slice(const struct slice_object *s)
{
	must(s->service_name[0] == '\0' || name_is_label(s->service_name)); /* "": belongs to no Service */
	must(s->family == AF_INET || s->family == AF_INET6);
	for (size_t i = 0; i < s->port_count; i++)
		must(s->ports[i].port != 0 && strcmp(proto_name(s->ports[i].proto), "?") != 0);
	for (size_t i = 0; i < s->endpoint_count; i++)
		must(s->endpoints[i].addr.family == s->family && s->endpoints[i].weight >= 1);
}

static void check_service(const struct service_object *s)
{
	must(s->cluster_ip_count <= 2 && (!s->headless || s->cluster_ip_count == 0));
	must(s->affinity_timeout_s >= 1 && s->affinity_timeout_s <= 86400);
	must((s->external_name != NULL) == (s->type == SERVICE_EXTERNAL_NAME));
	for (size_t i = 0; i < s->port_count; i++)
		must(s->ports[i].port != 0 && strcmp(proto_name(s->ports[i].proto), "?") != 0);
}

static void on_object(void *ctx, struct object *o, uint32_t line)
{
	struct pack p = {0};
	struct object *copy;

	(void)line;
	++*(size_t *)ctx;
	must(o->name[0] != '\0');
	pack_object(&p, o);
	copy = pack_read(p.bytes.data, p.bytes.length_bytes);
	must(copy != NULL && copy->digest == o->digest && copy->kind == o->kind);
	if (o->kind == OBJECT_SLICE)
		check_slice((const struct slice_object *)o);
	if (o->kind == OBJECT_SERVICE)
		check_service((const struct service_object *)o);
	object_free(copy);
	object_free(o);
	pack_fini(&p);
}

static void on_problem(void *ctx, const struct decode_problem *p)
{
	char text[PROBLEM_TEXT_BYTES];

	(void)ctx;
	must(p->reason[0] != '\0' && decode_problem_format(text, "f", p)[0] == 'f');
}

static void on_refused(void *ctx, const char *kind, const char *ns, const char *name)
{
	(void)ctx;
	must(kind != NULL && ns != NULL && name != NULL);
}

static void decode_all(const struct value *v, bool lenient)
{
	size_t objects = 0;
	struct decode_sink sink = {.ctx = &objects, .object = on_object, .problem = on_problem, .refused = on_refused};
	struct decoder *d = decoder_new(lenient);

	decode_document(d, v, &sink);
	decoder_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct yaml_parser *parser = yaml_parser_new();
	struct arena *arena = arena_new(4096);
	struct yaml_chunk chunk;
	size_t at = 0;
	uint32_t line = 1;

	while (yaml_next_document((const char *)data, size, &at, &line, &chunk)) {
		const struct value *v;
		struct yaml_error error;
		if (yaml_parse(parser, &chunk, arena, &v, &error)) {
			decode_all(v, false);
			decode_all(v, true);
		}
		arena_reset(arena);
	}
	yaml_parser_free(parser);
	arena_free(arena);
	return 0;
}
