/* `fairlead services` and `fairlead endpoints`: what is programmed, with the kernel's own counters. */
#include "daemon/control_services.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "proxy/show_table.h"
#include "proxy/show_unused.h"
#include "daemon/announce.h"
#include "daemon/daemon_private.h"

/* ---- counters ---- */

#define QUESTIONS_MAX 4096u /* to the kernel, for one command: 20 to 50 ms */

#define LISTED_MANY 256u /* Services: from here on one reading of all verdicts is cheaper than a question each */

/* A verdict's counter, by the frontend it belongs to. */
struct counted {
	struct frontend_key key;
	uint64_t packets;
};

struct counter {
	struct daemon *d;
	unsigned questions;
	bool read; /* `frontends` holds what the kernel has */
	struct counted *items;
	size_t count, room;
	struct map frontends;
};

static void on_verdict(void *ctx, const struct element *e)
{
	struct counter *c = ctx;

	c->items = mem_grow(c->items, c->count, &c->room, sizeof *c->items);
	c->items[c->count++] = (struct counted){frontend_key_of(e), e->packets};
}

/* All counters of frontends at once. */
static void counter_read(struct counter *c)
{
	if (c->d->nft == NULL || nft_dump_set(c->d->nft, SET_DISPATCH, on_verdict, c) != 0)
		return;
	for (size_t i = 0; i < c->count; i++)
		map_put(&c->frontends, &c->items[i].key, sizeof c->items[i].key, &c->items[i]);
	c->read = true;
}

static void counter_fini(struct counter *c)
{
	map_fini(&c->frontends);
	free(c->items);
}

static bool count_at(struct counter *c, enum set_id set, const struct frontend_key *key, uint32_t slot, uint64_t *n)
{
	struct element e = {
		.set = (uint8_t)set, .daddr = key->addr, .proto = key->proto, .port = key->port, .slot = slot};

	if (c->d->nft == NULL || c->questions++ >= QUESTIONS_MAX || nft_get(c->d->nft, &e) != 0)
		return false;
	*n = e.packets; /* a nat chain sees the first packet of a connection only */
	return true;
}

static bool frontend_count(void *ctx, const struct frontend_key *key, uint64_t *connections)
{
	const struct counter *c = ctx;
	const struct counted *found = c->read ? map_get(&c->frontends, key, sizeof *key) : NULL;

	if (!c->read)
		return count_at(ctx, SET_DISPATCH, key, 0, connections);
	*connections = found != NULL ? found->packets : 0;
	return found != NULL;
}

static bool slot_count(void *ctx, enum set_id pool, const struct frontend_key *key, uint32_t slot,
		       uint64_t *connections)
{
	return count_at(ctx, pool, key, slot, connections);
}

static void say_uncounted(const struct counter *c, struct buf *out)
{
	if (c->questions > QUESTIONS_MAX)
		buf_printf(out, "connections are counted for the first %u frontends and slots; ask for less at once\n",
			   QUESTIONS_MAX);
}

static bool announced(void *ctx, const struct frontend *f, bool *is_announced, struct buf *text)
{
	const struct counter *c = ctx;

	return announce_note(c->d->announce, f, is_announced, text);
}

static void unused_of(struct json *j, void *ctx, const struct service *s)
{
	const struct counter *c = ctx;
	const struct store_service *service = store_service(c->d->store, s->ns, s->name);

	if (service != NULL)
		print_unused_json(j, c->d->store, service);
}

static struct show_context view_of(struct counter *c)
{
	return (struct show_context){.owners = sync_owners(c->d->sync),
				     .frontend_count = frontend_count,
				     .slot_count = slot_count,
				     .announced = announced,
				     .ctx = c,
				     .more = unused_of};
}

/* ---- which services ---- */

/* which: NULL for all, "NS" or "NS/NAME". */
static bool selected(const struct store_service *service, const char *which)
{
	size_t ns_bytes = strlen(service->ns);

	if (service->object == NULL || (service->current == NULL && service->refusal == NULL))
		return false;
	return which == NULL || strcmp(service->key, which) == 0 ||
	       (strchr(which, '/') == NULL && strlen(which) == ns_bytes && memcmp(service->ns, which, ns_bytes) == 0);
}

static int by_key(const void *a, const void *b)
{
	const struct store_service *const *x = a, *const *y = b;

	return text_compare_names((*x)->ns, (*x)->name, (*y)->ns, (*y)->name);
}

struct selection {
	size_t count;
	const struct store_service **items; /* freed by the caller */
};

static struct selection select_sorted(const struct daemon *d, const char *which)
{
	struct selection l = {.items = mem_array(store_count(d->store, OBJECT_SERVICE) + 1, sizeof *l.items)};
	struct store_service *service;
	size_t at = 0;

	while ((service = store_next_service(d->store, &at)) != NULL)
		if (selected(service, which))
			l.items[l.count++] = service;
	if (l.count != 0)
		qsort(l.items, l.count, sizeof *l.items, by_key);
	return l;
}

/* "NS/NAME"; NULL: unknown. */
static const struct store_service *service_find(const struct daemon *d, char *which)
{
	char *slash = strchr(which, '/');
	const struct store_service *service;

	if (slash == NULL)
		return NULL;
	*slash = '\0';
	service = store_service(d->store, which, slash + 1);
	*slash = '/';
	return service;
}

static int not_found(const struct daemon *d, char *which, struct buf *out)
{
	const struct store_service *service = service_find(d, which);

	if (service != NULL && service->refusal != NULL)
		buf_printf(out, "%s: not programmed: %s\n", which, service->refusal);
	else
		buf_printf(out, "%s: no such service here%s\n", which,
			   sync_stats(d->sync)->done ? "" : "; the first sync is not done yet");
	if (service != NULL)
		print_orphans(out, d->store, service);
	return 1;
}

/* ---- answers ---- */

struct format {
	bool json, wide, counted;
};

/* text, wide, json; text-uncounted, wide-uncounted: only what does not change by itself. */
static struct format format_of(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "text";

	return (struct format){.json = strcmp(word, "json") == 0,
			       .wide = strncmp(word, "wide", 4) == 0,
			       .counted = strstr(word, "-uncounted") == NULL};
}

/* A list, but for endpoints of one Service that was named. */
static void put_json(struct buf *out, const struct selection *l, const struct show_context *view, bool one)
{
	struct json j = {.out = out};

	if (!one)
		json_array(&j, NULL);
	for (size_t i = 0; i < l->count; i++) {
		const struct endpoint_reasons reasons = endpoint_reasons_of(l->items[i]);
		struct show_context context = *view;
		context.reasons = &reasons;
		if (l->items[i]->current != NULL)
			print_service_json(&j, NULL, l->items[i]->current, &context);
	}
	if (!one)
		json_end(&j);
	buf_puts(out, "\n");
}

typedef void header_fn(struct buf *out, const struct table_view *view);
typedef void rows_fn(struct buf *out, const struct store_service *service, const struct table_view *view);

static void put_table(struct buf *out, const struct selection *l, const struct table_view *view, header_fn *header,
		      rows_fn *rows)
{
	header(out, view);
	for (size_t i = 0; i < l->count; i++)
		rows(out, l->items[i], view);
}

static int answer(struct daemon *d, int argc, char **argv, struct buf *out, bool endpoints)
{
	const struct format format = format_of(argc, argv);
	char *which = argc > 2 ? argv[2] : NULL;
	struct counter counter = {.d = d};
	struct show_context view = view_of(&counter);
	const struct table_view table = {&view, d->store, format.wide, format.counted};
	struct selection l = select_sorted(d, which);
	const bool one = which != NULL && strchr(which, '/') != NULL;
	int code = 0;

	view.brief = !endpoints;
	if (!endpoints && l.count >= LISTED_MANY && format.counted)
		counter_read(&counter);
	if (which != NULL && (l.count == 0 || (one && l.items[0]->current == NULL)))
		code = not_found(d, which, out);
	else if (format.json)
		put_json(out, &l, &view, endpoints && one);
	else if (endpoints)
		put_table(out, &l, &table, table_endpoints_header, table_endpoints);
	else
		put_table(out, &l, &table, table_services_header, table_services);
	if (!format.json)
		say_uncounted(&counter, out);
	free(l.items);
	counter_fini(&counter);
	return code;
}

int control_services(void *ctx, int argc, char **argv, struct buf *out)
{
	return answer(ctx, argc, argv, out, false);
}

int control_endpoints(void *ctx, int argc, char **argv, struct buf *out)
{
	return answer(ctx, argc, argv, out, true);
}

int control_changes(void *ctx, int argc, char **argv, struct buf *out)
{
	const struct daemon *d = ctx;

	(void)argc, (void)argv;
	buf_printf(out, "%llu\n", (unsigned long long)sync_stats(d->sync)->syncs);
	return 0;
}
