/* Objects for unit tests from documents: include after <cmocka.h>. */
#ifndef TESTS_LOAD_H
#define TESTS_LOAD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/compile.h"
#include "watch/decode/decode.h"

#define LOADED_MAX 64

struct loaded {
	struct object *objects[LOADED_MAX];
	size_t count;
	struct decoder *decoder; /* made on first use, lenient: vectors are as unit tests build objects */
};

/* The text of a file below tests/unit's working folder; the caller frees. */
static inline char *read_text(const char *path, size_t *length_bytes)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t room = 0, n;

	if (f == NULL)
		fail_msg("%s: cannot open", path);
	*length_bytes = 0;
	do {
		room = room == 0 ? 65536 : room * 2;
		text = realloc(text, room + 1);
		n = fread(text + *length_bytes, 1, room - *length_bytes, f);
		*length_bytes += n;
	} while (*length_bytes == room);
	text[*length_bytes] = '\0';
	fclose(f);
	return text;
}

/* An object of the same kind and name replaces the one before, as in a store. */
static inline void loaded_object(void *ctx, struct object *o, uint32_t line)
{
	struct loaded *l = ctx;

	(void)line;
	for (size_t i = 0; i < l->count; i++) {
		struct object *old = l->objects[i];
		if (old->kind == o->kind && strcmp(old->ns, o->ns) == 0 && strcmp(old->name, o->name) == 0) {
			object_free(old);
			l->objects[i] = o;
			return;
		}
	}
	assert_true(l->count < LOADED_MAX);
	l->objects[l->count++] = o;
}

static inline void loaded_problem(void *ctx, const struct decode_problem *p)
{
	char text[PROBLEM_TEXT_BYTES];

	(void)ctx;
	if (p->refused)
		fail_msg("%s", decode_problem_format(text, NULL, p));
}

static inline void load_value(struct loaded *l, const struct value *v)
{
	struct decode_sink sink = {.ctx = l, .object = loaded_object, .problem = loaded_problem};

	if (l->decoder == NULL)
		l->decoder = decoder_new(true);
	decode_document(l->decoder, v, &sink);
}

static inline void loaded_fini(struct loaded *l)
{
	for (size_t i = 0; i < l->count; i++)
		object_free(l->objects[i]);
	decoder_free(l->decoder);
	*l = (struct loaded){0};
}

static inline size_t loaded_slices(const struct loaded *l, const struct service_object *o,
				   const struct slice_object **slices)
{
	size_t count = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct slice_object *s = (const struct slice_object *)l->objects[i];
		if (s->object.kind == OBJECT_SLICE && strcmp(s->object.ns, o->object.ns) == 0 &&
		    strcmp(s->service_name, o->object.name) == 0)
			slices[count++] = s;
	}
	return count;
}

static inline struct service *loaded_compile(const struct loaded *l, const struct service_object *o,
					     const struct node_facts *node, struct arena *scratch)
{
	const struct slice_object *slices[LOADED_MAX];
	struct compile_input in = {
		.object = o,
		.slices = slices,
		.slice_count = loaded_slices(l, o, slices),
		.node = node,
	};

	return service_compile(&in, scratch);
}

#endif
