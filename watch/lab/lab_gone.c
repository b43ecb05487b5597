/* Services that are gone: what they had waits for their return, or for the name that they have now. */
#include <stdlib.h>
#include <string.h>

#include "watch/lab/lab_private.h"

/* Those that are gone and had something; freed by the caller. */
static struct lab_service **gone_list(const struct lab *l, size_t *count)
{
	struct lab_service **all = mem_array(l->gone_count + 1, sizeof *all), *s;
	size_t at = 0;

	*count = 0;
	while (l->gone_count != 0 && (s = map_next(&l->services, &at)) != NULL)
		if (s->raw == NULL && allocated_any(&s->had))
			all[(*count)++] = s;
	return all;
}

/* The last of the same namespace that said the same; NULL: none, or two went together. */
static struct lab_service *gone_alike(struct lab_service *const *gone, size_t count, const struct lab_service *s)
{
	struct lab_service *found = NULL;
	bool twice = false;

	for (size_t i = 0; i < count; i++) {
		if (gone[i]->fingerprint != s->fingerprint || !allocated_any(&gone[i]->had) ||
		    strcmp(gone[i]->ns, s->ns) != 0)
			continue;
		twice = found != NULL && found->gone_at == gone[i]->gone_at;
		if (found == NULL || found->gone_at < gone[i]->gone_at)
			found = gone[i];
	}
	return twice ? NULL : found;
}

/* A Service that is new, and said under another name what it says now, is that one renamed. */
void lab_gone_take_over(struct lab *l)
{
	size_t count;
	struct lab_service **gone = gone_list(l, &count);

	for (size_t i = 0; i < l->dirty_count && count != 0; i++) {
		struct lab_service *s = l->dirty[i], *before;
		if (s->raw == NULL || s->shown || allocated_any(&s->had) ||
		    (before = gone_alike(gone, count, s)) == NULL)
			continue;
		s->had = before->had;
		before->had = (struct allocated){0};
	}
	free(gone);
}

static int by_age(const void *a, const void *b)
{
	const struct lab_service *x = *(struct lab_service *const *)a, *y = *(struct lab_service *const *)b;

	return (x->gone_at > y->gone_at) - (x->gone_at < y->gone_at);
}

static void oldest_drop(struct lab *l)
{
	struct lab_service **gone = mem_array(l->gone_count, sizeof *gone), *s;
	size_t at = 0, count = 0;

	while ((s = map_next(&l->services, &at)) != NULL)
		if (s->raw == NULL)
			gone[count++] = s;
	qsort(gone, count, sizeof *gone, by_age);
	for (size_t i = 0; l->gone_count > LAB_GONE_MAX; i++)
		lab_services_drop(l, gone[i]);
	free(gone);
}

/* Those that are gone, beyond what is remembered; the oldest first. */
void lab_gone_forget(struct lab *l)
{
	struct lab_service *s;
	size_t at;

	for (at = 0; (s = map_next(&l->services, &at)) != NULL;)
		if (s->raw == NULL && !s->dirty && !allocated_any(&s->had))
			lab_services_drop(l, s);
	if (l->gone_count > LAB_GONE_MAX)
		oldest_drop(l);
}
