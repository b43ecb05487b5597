/* `fairlead services` and `fairlead endpoints`: what is programmed, with the kernel's own counters. */
#include "daemon/control_services.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proxy/show.h"
#include "proxy/show_unused.h"
#include "daemon/daemon_private.h"

/* ---- counters ---- */

#define QUESTIONS_MAX 4096u /* to the kernel, for one command: 20 to 50 ms */

struct counter {
	struct daemon *d;
	unsigned questions;
};

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
	return count_at(ctx, SET_DISPATCH, key, 0, connections);
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

static void unused_of(struct json *j, void *ctx, const struct service *s)
{
	const struct counter *c = ctx;
	const struct store_service *service = store_service(c->d->store, s->ns, s->name);

	if (service != NULL)
		print_unused_json(j, c->d->store, service);
}

static struct print_view view_of(struct counter *c)
{
	return (struct print_view){.owners = sync_owners(c->d->sync),
				   .frontend_count = frontend_count,
				   .slot_count = slot_count,
				   .ctx = c,
				   .more = unused_of};
}

/* ---- which services ---- */

/* which: NULL for all, "NS" or "NS/NAME". */
static bool selected(const struct store_service *service, const char *which)
{
	size_t ns_bytes = strlen(service->ns);

	if (service->current == NULL)
		return false;
	return which == NULL || strcmp(service->key, which) == 0 ||
	       (strchr(which, '/') == NULL && strlen(which) == ns_bytes && memcmp(service->ns, which, ns_bytes) == 0);
}

static int by_key(const void *a, const void *b)
{
	const struct service *const *x = a, *const *y = b;
	int order = strcmp((*x)->ns, (*y)->ns);

	return order != 0 ? order : strcmp((*x)->name, (*y)->name);
}

/* Freed by the caller. */
static const struct service **select_sorted(struct daemon *d, const char *which, size_t *count)
{
	const struct service **list = mem_array(store_count(d->store, OBJECT_SERVICE) + 1, sizeof *list);
	struct store_service *service;
	size_t at = 0;

	*count = 0;
	while ((service = store_next_service(d->store, &at)) != NULL)
		if (service->object != NULL && selected(service, which))
			list[(*count)++] = service->current;
	if (*count != 0)
		qsort(list, *count, sizeof *list, by_key);
	return list;
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

static bool wants_json(int argc, char **argv)
{
	return argc > 1 && strcmp(argv[1], "json") == 0;
}

static void services_json(struct buf *out, const struct service **list, size_t count, struct print_view view)
{
	struct json j = {.out = out};

	view.brief = true;
	json_array(&j, NULL);
	for (size_t i = 0; i < count; i++)
		print_service_json(&j, NULL, list[i], &view);
	json_end(&j);
	buf_puts(out, "\n");
}

/* NULL: what is programmed is the newest version. */
static const char *refusal_of(const struct daemon *d, const struct service *s)
{
	const struct store_service *service = store_service(d->store, s->ns, s->name);

	return service != NULL ? service->refusal : NULL;
}

static void services_text(struct buf *out, const struct service **list, size_t count, const struct print_view *view)
{
	for (size_t i = 0; i < count; i++) {
		const char *refusal = refusal_of(((const struct counter *)view->ctx)->d, list[i]);
		if (list[i]->frontend_count != 0)
			print_frontends(out, list[i], view);
		else
			buf_printf(out, "%s/%s: not proxied here\n", list[i]->ns, list[i]->name);
		if (list[i]->health_check_node_port != 0)
			buf_printf(out, "%s/%s health check node port %u\n", list[i]->ns, list[i]->name,
				   list[i]->health_check_node_port);
		if (refusal != NULL)
			buf_printf(out, "%s/%s: an older version; the newest is not programmed: %s\n", list[i]->ns,
				   list[i]->name, refusal);
	}
}

int control_services(void *ctx, int argc, char **argv, struct buf *out)
{
	char *which = argc > 2 ? argv[2] : NULL;
	struct counter counter = {.d = ctx};
	const struct print_view view = view_of(&counter);
	size_t count;
	const struct service **list = select_sorted(ctx, which, &count);
	int code = 0;

	if (count == 0 && which != NULL)
		code = not_found(ctx, which, out);
	else if (wants_json(argc, argv))
		services_json(out, list, count, view);
	else
		services_text(out, list, count, &view);
	if (!wants_json(argc, argv))
		say_uncounted(&counter, out);
	free(list);
	return code;
}

int control_endpoints(void *ctx, int argc, char **argv, struct buf *out)
{
	struct counter counter = {.d = ctx};
	const struct print_view view = view_of(&counter);
	struct json j = {.out = out};

	if (argc < 3 || strchr(argv[2], '/') == NULL) {
		buf_puts(out, "NS/NAME is missing\n");
		return 2;
	}
	const struct store_service *service = service_find(ctx, argv[2]);
	const struct service *s = service != NULL ? service->current : NULL;
	if (s == NULL)
		return not_found(ctx, argv[2], out);
	if (wants_json(argc, argv)) {
		print_service_json(&j, NULL, s, &view);
		buf_puts(out, "\n");
		return 0;
	}
	if (service->refusal != NULL)
		buf_printf(out, "an older version; the newest is not programmed: %s\n", service->refusal);
	if (s->proxied)
		print_endpoints(out, s, &view);
	else
		print_dns(out, s);
	print_unused(out, ((struct daemon *)ctx)->store, service);
	say_uncounted(&counter, out);
	return 0;
}
