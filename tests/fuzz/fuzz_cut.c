/*
 * Lists that are cut into their items: whenever the whole file is good YAML, the pieces hold the same objects in the
 * same order.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "watch/decode/decode.h"
#include "watch/manifest/manifest_cut.h"
#include "watch/manifest/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
	uint64_t hash;
	size_t objects;
};

static void on_object(void *ctx, struct object *o, uint32_t line)
{
	struct heard *h = ctx;

	(void)line;
	h->objects++;
	h->hash = hash_bytes(&o->digest, sizeof o->digest, h->hash);
	object_free(o);
}

static void on_problem(void *ctx, const struct decode_problem *p)
{
	(void)ctx;
	(void)p;
}

static void on_unknown(void *ctx, const struct decode_unknown *u)
{
	struct heard *h = ctx;

	h->hash = hash_text(u->kind, hash_text(u->api_version, h->hash));
}

struct world {
	struct yaml_parser *parser;
	struct decoder *decoder;
	struct arena *arena;
};

static bool hear(struct world *w, const struct yaml_chunk *chunk, bool item, struct heard *h)
{
	struct decode_sink sink = {.ctx = h, .object = on_object, .problem = on_problem, .unknown = on_unknown};
	const struct value *v;
	struct yaml_error error;
	bool ok = yaml_parse(w->parser, chunk, w->arena, &v, &error);

	if (ok && item && v != NULL)
		decode_item(w->decoder, NULL, NULL, v->type == VALUE_LIST ? v->first : v, &sink);
	else if (ok)
		decode_document(w->decoder, v, &sink);
	arena_reset(w->arena);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct world w = {yaml_parser_new(), decoder_new(false), arena_new(4096)};
	struct cuts cuts = cuts_of(text, size);
	struct heard whole = {0}, pieces = {0};
	struct yaml_chunk chunk;
	size_t at = 0;
	uint32_t line = 1;
	bool good = true;

	for (size_t i = 0; i < cuts.count; i++) {
		const struct yaml_chunk piece = cut_chunk(&cuts.all[i]), *c = &piece;
		if (c->text < text || c->text + c->length_bytes > text + size)
			abort();
		hear(&w, c, cuts.all[i].item, &pieces);
	}
	while (good && yaml_next_document(text, size, &at, &line, &chunk))
		good = hear(&w, &chunk, false, &whole);
	if (good && (whole.hash != pieces.hash || whole.objects != pieces.objects))
		abort();
	cuts_fini(&cuts);
	decoder_free(w.decoder);
	yaml_parser_free(w.parser);
	arena_free(w.arena);
	return 0;
}
