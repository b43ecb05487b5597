/* The cases of tests/vectors/proxy.json for unit tests: include after load.h. */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include "service/nodeports.h"
#include "watch/decode/json.h"

struct vectors {
	struct arena *arena;
	const struct value *root;
};

static inline int vectors_setup(void **state)
{
	struct vectors *v = calloc(1, sizeof *v);
	size_t length, error_at;
	char *text = read_text("../vectors/proxy.json", &length);

	v->arena = arena_new(1 << 16);
	v->root = json_parse(text, length, v->arena, &error_at);
	free(text);
	*state = v;
	return v->root != NULL ? 0 : -1;
}

static inline int vectors_teardown(void **state)
{
	struct vectors *v = *state;

	arena_free(v->arena);
	free(v);
	return 0;
}

static inline const char *text_of(const struct value *v, const char *key)
{
	const struct value *child = value_get(v, key);

	return child != NULL ? child->text : NULL;
}

/* Runs every case of a group, named; returns how many there were. */
static inline int vectors_each(const struct vectors *v, const char *group, void (*run)(const struct value *))
{
	int count = 0;

	for (const struct value *c = value_get(v->root, group)->first; c != NULL; c = c->next, count++) {
		print_message("%s: %s\n", group, text_of(c, "name"));
		run(c);
	}
	return count;
}

/* "10.0.0.1/24" of every interface, without the prefix. */
static inline size_t vectors_interfaces(const struct value *interfaces, struct addr *out, size_t room)
{
	size_t count = 0;

	for (const struct value *i = interfaces->first; i != NULL; i = i->next)
		for (const struct value *a = i->first; a != NULL; a = a->next) {
			char text[64];
			snprintf(text, sizeof text, "%.*s", (int)strcspn(a->text, "/"), a->text);
			assert_true(count < room && addr_parse(&out[count++], text));
		}
	return count;
}

static inline struct nodeports vectors_nodeports(const struct value *cidrs)
{
	struct nodeports n = {0};

	for (const struct value *c = cidrs->first; c != NULL; c = c->next)
		assert_true(cidr_parse(&n.cidrs[n.cidr_count++], c->text));
	return n;
}

#endif
