/* What is removed and added so that what is there is what is wanted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netlink/reconcile.h"

struct acts {
	char text[256]; /* "-3 +5 " */
	int refused;	/* the item that cannot be added or removed */
};

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int act(struct acts *acts, char sign, int item)
{
	const size_t at = strlen(acts->text);

	snprintf(acts->text + at, sizeof acts->text - at, "%c%d ", sign, item);
	return item == acts->refused ? -EPERM : 0;
}

static int on_remove(void *ctx, const void *item)
{
	return act(ctx, '-', *(const int *)item);
}

static int on_add(void *ctx, const void *item)
{
	return act(ctx, '+', *(const int *)item);
}

static int run(struct acts *acts, int *wanted, size_t wanted_count, int *present, size_t present_count, size_t *removed)
{
	const struct reconcile r = {.item_bytes = sizeof(int),
				    .compare = compare,
				    .wanted = wanted,
				    .wanted_count = wanted_count,
				    .present = present,
				    .present_count = present_count,
				    .remove = on_remove,
				    .add = on_add,
				    .ctx = acts};

	return reconcile(&r, removed);
}

static void differences(void **state)
{
	int wanted[] = {5, 1, 9, 3}, present[] = {7, 3, 1, 0};
	struct acts acts = {.refused = -1};
	size_t removed = 0;

	(void)state;
	assert_int_equal(run(&acts, wanted, 4, present, 4, &removed), 0);
	assert_string_equal(acts.text, "-0 -7 +5 +9 ");
	assert_int_equal(removed, 2);
}

static void nothing_to_do(void **state)
{
	int wanted[] = {2, 1}, present[] = {1, 2};
	struct acts acts = {.refused = -1};

	(void)state;
	assert_int_equal(run(&acts, wanted, 2, present, 2, NULL), 0);
	assert_int_equal(run(&acts, NULL, 0, NULL, 0, NULL), 0);
	assert_string_equal(acts.text, "");
}

static void all_or_none(void **state)
{
	int items[] = {2, 1};
	struct acts acts = {.refused = -1};
	size_t removed = 0;

	(void)state;
	assert_int_equal(run(&acts, items, 2, NULL, 0, &removed), 0);
	assert_int_equal(removed, 0);
	assert_int_equal(run(&acts, NULL, 0, items, 2, &removed), 0);
	assert_string_equal(acts.text, "+1 +2 -1 -2 ");
	assert_int_equal(removed, 2);
}

static void named_twice(void **state)
{
	int wanted[] = {4, 4, 1, 1}, present[] = {1, 6, 6};
	struct acts acts = {.refused = -1};

	(void)state;
	assert_int_equal(run(&acts, wanted, 4, present, 3, NULL), 0);
	assert_string_equal(acts.text, "-6 +4 ");
}

static void the_others_are_tried(void **state)
{
	int wanted[] = {5, 6}, present[] = {1, 2};
	struct acts acts = {.refused = 1};
	size_t removed = 0;

	(void)state;
	assert_int_equal(run(&acts, wanted, 2, present, 2, &removed), -EPERM);
	assert_string_equal(acts.text, "-1 -2 +5 +6 ");
	assert_int_equal(removed, 1);
	acts = (struct acts){.refused = 6};
	assert_int_equal(run(&acts, wanted, 2, present, 2, &removed), -EPERM);
	assert_int_equal(removed, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences), cmocka_unit_test(nothing_to_do),	       cmocka_unit_test(all_or_none),
		cmocka_unit_test(named_twice), cmocka_unit_test(the_others_are_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
