/* Packed objects: their form, whose number any change of a field changes, digest and memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sample_objects.h"
#include "watch/decode/codec.h"
#include "watch/decode/decode_pack.h"

struct thing {
	uint16_t port, other_port;
	const char *name;
	size_t count, few_count;
	const struct addr *items;
	struct addr few[2];
};

static void addr_walk(struct codec *c, struct addr *a)
{
	CODEC_INTEGER(c, uint8_t, a->family, UINT8_MAX);
}

static void base(struct codec *c, struct thing *t)
{
	CODEC_INTEGER(c, uint16_t, t->port, UINT16_MAX);
	CODEC_STRING(c, t->name, false);
	CODEC_ARRAY(c, struct addr, t->items, t->count, codec_addr);
	CODEC_FEW(c, t->few, t->few_count, 2, codec_addr);
}

static void another_field(struct codec *c, struct thing *t)
{
	CODEC_INTEGER(c, uint16_t, t->other_port, UINT16_MAX);
	CODEC_STRING(c, t->name, false);
	CODEC_ARRAY(c, struct addr, t->items, t->count, codec_addr);
	CODEC_FEW(c, t->few, t->few_count, 2, codec_addr);
}

static void another_order(struct codec *c, struct thing *t)
{
	CODEC_STRING(c, t->name, false);
	CODEC_INTEGER(c, uint16_t, t->port, UINT16_MAX);
	CODEC_ARRAY(c, struct addr, t->items, t->count, codec_addr);
	CODEC_FEW(c, t->few, t->few_count, 2, codec_addr);
}

static void another_limit(struct codec *c, struct thing *t)
{
	CODEC_INTEGER(c, uint16_t, t->port, UINT8_MAX);
	CODEC_STRING(c, t->name, false);
	CODEC_ARRAY(c, struct addr, t->items, t->count, codec_addr);
	CODEC_FEW(c, t->few, t->few_count, 2, codec_addr);
}

static void null_allowed(struct codec *c, struct thing *t)
{
	CODEC_INTEGER(c, uint16_t, t->port, UINT16_MAX);
	CODEC_STRING(c, t->name, true);
	CODEC_ARRAY(c, struct addr, t->items, t->count, codec_addr);
	CODEC_FEW(c, t->few, t->few_count, 2, codec_addr);
}

static void another_item(struct codec *c, struct thing *t)
{
	CODEC_INTEGER(c, uint16_t, t->port, UINT16_MAX);
	CODEC_STRING(c, t->name, false);
	CODEC_ARRAY(c, struct addr, t->items, t->count, addr_walk);
	CODEC_FEW(c, t->few, t->few_count, 2, codec_addr);
}

static void another_of_few(struct codec *c, struct thing *t)
{
	CODEC_INTEGER(c, uint16_t, t->port, UINT16_MAX);
	CODEC_STRING(c, t->name, false);
	CODEC_ARRAY(c, struct addr, t->items, t->count, codec_addr);
	CODEC_FEW(c, t->few, t->few_count, 2, addr_walk);
}

static void form_of(void (*walk)(struct codec *c, struct thing *t), struct buf *form)
{
	struct codec c = {.packing = true, .form = form};
	struct thing zeros = {0};

	walk(&c, &zeros);
	assert_true(form->length_bytes > 0);
}

static void every_change_is_another_form(void **state)
{
	static void (*const others[])(struct codec *, struct thing *) = {another_field, another_order, another_limit,
									 null_allowed,	another_item,  another_of_few};
	struct buf form = {0}, again = {0};

	(void)state;
	form_of(base, &form);
	form_of(base, &again);
	assert_string_equal(form.data, again.data);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		struct buf other = {0};
		form_of(others[i], &other);
		assert_string_not_equal(form.data, other.data);
		buf_fini(&other);
	}
	buf_fini(&form);
	buf_fini(&again);
}

/* The same in each process of one build: hashes of tables are not. */
static void form_of_objects(void **state)
{
	(void)state;
	assert_int_not_equal(pack_form(), 0);
	assert_int_equal(pack_form(), pack_form());
}

/* Equal content, equal digest; any other content, another digest. */
static void digests(void **state)
{
	struct service_object *s = (struct service_object *)samples()[0];
	struct pack p = {0};
	struct object *first, *again, *other;

	(void)state;
	pack_object(&p, &s->object);
	first = pack_read(p.bytes.data, p.bytes.length_bytes);
	again = pack_read(p.bytes.data, p.bytes.length_bytes);
	s->affinity_timeout_s++;
	pack_object(&p, &s->object);
	other = pack_read(p.bytes.data, p.bytes.length_bytes);
	assert_true(first->digest == again->digest);
	assert_true(first->digest != other->digest);
	assert_int_equal(((struct service_object *)other)->affinity_timeout_s, 101);
	object_free(first);
	object_free(again);
	object_free(other);
	pack_fini(&p);
}

/* The exact size hint: one arena chunk holds the object. */
static void memory_is_exact(void **state)
{
	(void)state;
	for (struct object *const *o = samples(); *o != NULL; o++) {
		struct pack p = {0};
		struct object *copy;
		uint32_t hint;
		pack_object(&p, *o);
		memcpy(&hint, p.bytes.data, sizeof hint);
		copy = pack_read(p.bytes.data, p.bytes.length_bytes);
		assert_int_equal(arena_bytes(copy->arena), hint);
		object_free(copy);
		pack_fini(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_is_another_form),
		cmocka_unit_test(form_of_objects),
		cmocka_unit_test(digests),
		cmocka_unit_test(memory_is_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
