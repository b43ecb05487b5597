/* Takes over what the reader's thread has read, file by file. */
#include "watch/manifest/manifest_loads.h"

#include <stdlib.h>

#include "base/clock.h"
#include "watch/manifest/manifest_load.h"

void loads_add(struct loader *l, struct file *f, const struct stat *st)
{
	struct load *load = mem_alloc(sizeof *load);

	load_init(load, l, f);
	load->number = ++l->loads_asked;
	if (st != NULL)
		reading_stamp(f->stamp, st);
	f->load = load;
	f->again = false;
	if (l->loads == NULL)
		l->loads = load;
	else
		l->last_load->next = load;
	l->last_load = load;
	reader_ask(l->reader, &load->job);
}

static void first_load_end(struct loader *l)
{
	struct load *load = l->loads;
	struct file *f = load->file;

	l->loads = load->next;
	l->loads_done = load->number;
	load_fini(load);
	free(load);
	if (f == NULL)
		return;
	f->load = NULL;
	if (f->again)
		loads_add(l, f, NULL);
}

/* False: there is no more of the first load to take now. */
static bool first_load_take(struct loader *l, uint64_t until_ns)
{
	struct load *load = l->loads;
	const struct reader_progress now = reader_progress(l->reader, &load->job, load->at);
	const size_t before = load->at;

	if (load->file != NULL && now.opened && !load->begun)
		load_begin(l, load);
	if (load->file != NULL && load->readable)
		load_step(l, load, now.read, until_ns);
	if (load->file != NULL && load->readable && load->at < now.read)
		return true;
	if (!now.done)
		return load->at != before;
	if (load->file != NULL && load->readable)
		load_finish(l, load);
	first_load_end(l);
	return true;
}

bool loads_take(struct loader *l)
{
	const uint64_t until_ns = clock_ns() + LOADS_SLICE_NS;
	bool more = true;

	while (more && l->loads != NULL && clock_ns() < until_ns)
		more = first_load_take(l, until_ns);
	catalog_wake(l->catalog, l->loads_done);
	return more && l->loads != NULL;
}

bool loads_in_file(const struct loader *l)
{
	return l->loads != NULL && l->loads->begun;
}

void loads_abandon(struct loader *l, struct load *load)
{
	load_drop(l, load);
	reader_cancel(l->reader, &load->job);
}

void loads_stop(struct loader *l)
{
	struct load *load;
	const bool ended = reader_stop(l->reader);

	l->reader = NULL;
	while ((load = l->loads) != NULL) {
		l->loads = load->next;
		if (load->file != NULL)
			load->file->load = NULL;
		if (load->file != NULL)
			load_drop(l, load);
		if (!ended)
			continue;
		load_fini(load);
		free(load);
	}
}
