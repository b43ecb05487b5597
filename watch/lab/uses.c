/* Keeps who uses which address and node port. */
#include "watch/lab/uses.h"

#include <stdlib.h>

#include "base/mem.h"

_Static_assert(sizeof(struct used) == 20, "no padding: it is a map key");

struct use {
	struct used what;
	size_t written;
	void *owner;
};

void uses_fini(struct uses *u)
{
	struct use *use;
	size_t at = 0;

	while ((use = map_next(&u->all, &at)) != NULL)
		free(use);
	map_fini(&u->all);
}

static struct use *find(const struct uses *u, const struct used *what)
{
	return map_get(&u->all, what, sizeof *what);
}

static struct use *find_or_make(struct uses *u, const struct used *what)
{
	struct use *use = find(u, what);

	if (use != NULL)
		return use;
	use = mem_alloc(sizeof *use);
	use->what = *what;
	map_put(&u->all, &use->what, sizeof use->what, use);
	return use;
}

static void settle(struct uses *u, struct use *use)
{
	if (use->written != 0 || use->owner != NULL)
		return;
	map_del(&u->all, &use->what, sizeof use->what);
	free(use);
}

void *uses_write(struct uses *u, const struct used *what)
{
	struct use *use = find_or_make(u, what);

	use->written++;
	return use->owner;
}

void uses_unwrite(struct uses *u, const struct used *what)
{
	struct use *use = find(u, what);

	if (use == NULL || use->written == 0)
		return;
	use->written--;
	settle(u, use);
}

bool uses_allocate(struct uses *u, const struct used *what, void *owner)
{
	struct use *use = find(u, what);

	if (use != NULL && use->owner == owner)
		return true;
	if (use != NULL)
		return false;
	find_or_make(u, what)->owner = owner;
	return true;
}

void uses_release(struct uses *u, const struct used *what, const void *owner)
{
	struct use *use = find(u, what);

	if (use == NULL || use->owner != owner)
		return;
	use->owner = NULL;
	settle(u, use);
}

bool uses_is_free(const struct uses *u, const struct used *what)
{
	return find(u, what) == NULL;
}
