/* Decodes one object of the API server and logs its problems once. */
#include "watch/api/apiserver_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log_about.h"
#include "base/map.h"
#include "base/mem.h"
#include "watch/decode/decode.h"
#include "watch/decode/json.h"
#include "watch/decode/problems.h"
#include "watch/api/reflector_event.h"

#define REMEMBERED_PROBLEMS 1000 /* then all are forgotten, and may be logged once more */

struct object_reader {
	struct decoder *decoder;
	struct arena *arena;	  /* the value tree; emptied after each object */
	struct problems problems; /* of the object at hand */
	struct map told;	  /* texts that were logged */
	enum object_kind kind;
	struct object *object;
	bool refused;
};

static const char *const versions[OBJECT_KINDS] = {
	[OBJECT_SERVICE] = "v1",   [OBJECT_SLICE] = "discovery.k8s.io/v1",
	[OBJECT_NAMESPACE] = "v1", [OBJECT_NODE] = "v1",
	[OBJECT_POD] = "v1",	   [OBJECT_SERVICE_CIDR] = "networking.k8s.io/v1",
};

static void told_forget(struct object_reader *r)
{
	size_t at = 0;
	char *text;

	while ((text = map_next(&r->told, &at)) != NULL)
		free(text);
	map_fini(&r->told);
}

/* True the first time. */
static bool problem_is_new(struct object_reader *r, const char *text)
{
	if (map_get_str(&r->told, text) != NULL)
		return false;
	if (map_count(&r->told) >= REMEMBERED_PROBLEMS)
		told_forget(r);
	char *copy = mem_strdup(text);
	map_put_str(&r->told, copy, copy);
	return true;
}

void object_warn_once(struct object_reader *r, const char *text)
{
	if (problem_is_new(r, text))
		log_warn("%s", text);
}

static void on_problem(void *ctx, const struct decode_problem *p)
{
	struct object_reader *r = ctx;

	problems_add(&r->problems, p);
}

static void report_problem(void *ctx, const struct decode_problem *p)
{
	struct object_reader *r = ctx;
	char text[PROBLEM_TEXT_BYTES];

	decode_problem_format(text, NULL, p);
	if (!problem_is_new(r, text) || !log_about(LOG_WARN, p->ns))
		return;
	log_warn("%s%s", text, p->refused ? "; its last good version stays" : "");
}

static void on_object(void *ctx, struct object *o, uint32_t line)
{
	struct object_reader *r = ctx;

	(void)line;
	if (r->object != NULL || o->kind != r->kind) {
		r->refused = true;
		object_free(o);
		return;
	}
	r->object = o;
}

static void on_refused(void *ctx, const char *kind, const char *ns, const char *name)
{
	struct object_reader *r = ctx;

	(void)kind;
	(void)ns;
	(void)name;
	r->refused = true;
}

static void on_unknown(void *ctx, const struct decode_unknown *u)
{
	struct object_reader *r = ctx;
	char text[160];

	snprintf(text, sizeof text, "apiserver: %.60s %.60s among objects of kind %s", u->api_version, u->kind,
		 object_kind_name(r->kind));
	object_warn_once(r, text);
	r->refused = true;
}

static void log_broken(struct object_reader *r, struct span json, size_t error_at)
{
	struct object_name n;
	char text[700];

	object_name_read(json, &n);
	snprintf(text, sizeof text, "%s %s%s%s: malformed JSON at byte %zu", object_kind_name(r->kind), n.ns,
		 n.ns[0] != '\0' ? "/" : "", n.name, error_at);
	if (problem_is_new(r, text) && log_about(LOG_WARN, n.ns))
		log_warn("%s; its last good version stays", text);
}

enum object_verdict object_read(struct object_reader *r, enum object_kind kind, struct span json, struct object **out)
{
	const struct decode_sink sink = {
		.ctx = r, .object = on_object, .problem = on_problem, .refused = on_refused, .unknown = on_unknown};
	const struct value *v;
	size_t error_at;

	r->kind = kind;
	r->object = NULL;
	r->refused = false;
	arena_reset(r->arena);
	v = json_parse(json.bytes, json.length_bytes, r->arena, &error_at);
	if (v == NULL) {
		log_broken(r, json, error_at);
		return OBJECT_UNUSABLE;
	}
	decode_item(r->decoder, object_kind_name(kind), versions[kind], v, &sink);
	problems_tell(&r->problems, report_problem, r);
	if (r->refused && r->object != NULL) {
		object_free(r->object);
		r->object = NULL;
	}
	*out = r->object;
	if (r->refused)
		return OBJECT_UNUSABLE;
	return r->object != NULL ? OBJECT_USABLE : OBJECT_NOT_OURS;
}

struct object_reader *object_reader_new(void)
{
	struct object_reader *r = mem_alloc(sizeof *r);

	r->decoder = decoder_new(true);
	r->arena = arena_new(16384);
	return r;
}

void object_reader_free(struct object_reader *r)
{
	if (r == NULL)
		return;
	decoder_free(r->decoder);
	arena_free(r->arena);
	problems_fini(&r->problems);
	told_forget(r);
	free(r);
}
