/* Endpoints of slices that the Service does not use. */
#include "proxy/show_unused.h"

#include <string.h>

#include "service/unmatched.h"

struct unused {
	unused_fn *one;
	void *ctx;
	size_t count;
};

static void unused_endpoints(struct unused *u, const struct slice_object *e, uint16_t port, const char *reason)
{
	char text[ADDR_PORT_TEXT_BYTES];

	for (size_t i = 0; i < e->endpoint_count; i++)
		if (u->count++ < UNUSED_LISTED_MAX)
			u->one(u->ctx,
			       port != 0 ? addr_port_format(&e->endpoints[i].addr, port, text)
					 : addr_format(&e->endpoints[i].addr, text),
			       e, reason);
}

static void unused_slice(struct unused *u, const struct service_object *s, const struct slice_object *e)
{
	struct buf reason = {0};

	if (e->port_count == 0 && !s->headless)
		unused_endpoints(u, e, 0, "the slice has no port");
	for (size_t i = 0; i < e->port_count; i++) {
		enum unmatched why = unmatched_why(s, e, &e->ports[i]);
		if (why == UNMATCHED_NOT)
			continue;
		buf_clear(&reason);
		unmatched_format(&reason, why, s, e, &e->ports[i]);
		unused_endpoints(u, e, e->ports[i].port, reason.data);
	}
	buf_fini(&reason);
}

/* Slices of a Service of this name that is in no other namespace: probably meant for this one. */
static void unused_elsewhere(struct unused *u, const struct store *s, const struct store_service *service)
{
	struct store_service *other;
	struct buf reason = {0};
	size_t at = 0;

	while ((other = store_next_service(s, &at)) != NULL) {
		if (other == service || other->object != NULL || strcmp(other->name, service->name) != 0)
			continue;
		buf_clear(&reason);
		buf_printf(&reason, "it is in namespace %s, the Service in %s", other->ns, service->ns);
		for (size_t i = 0; i < other->slice_count; i++)
			unused_endpoints(u, other->slices[i], 0, reason.data);
	}
	buf_fini(&reason);
}

/* A Service without any slice: one of these may be meant for it. */
static void unused_unlabelled(struct unused *u, const struct store *s, const struct store_service *service)
{
	const struct object *o;
	size_t at = 0;

	if (service->slice_count != 0)
		return;
	while ((o = store_next(s, OBJECT_SLICE, &at)) != NULL) {
		const struct slice_object *e = (const struct slice_object *)(const void *)o;
		if (e->service_name[0] == '\0' && strcmp(o->ns, service->ns) == 0)
			unused_endpoints(u, e, 0, UNUSED_NO_LABEL);
	}
}

static void unused_all(struct unused *u, const struct store *s, const struct store_service *service)
{
	if (service->object == NULL)
		return;
	for (size_t i = 0; i < service->slice_count; i++)
		unused_slice(u, service->object, service->slices[i]);
	unused_elsewhere(u, s, service);
	unused_unlabelled(u, s, service);
}

size_t unused_each(const struct store *s, const struct store_service *service, unused_fn *one, void *ctx)
{
	struct unused u = {.one = one, .ctx = ctx};

	unused_all(&u, s, service);
	return u.count;
}

/* ---- text ---- */

static void put_one(void *ctx, const char *address, const struct slice_object *e, const char *reason)
{
	buf_printf(ctx, "  %s not used: slice %s: %s\n", address, e->object.name, reason);
}

void print_unused(struct buf *out, const struct store *s, const struct store_service *service)
{
	struct unused u = {.one = put_one, .ctx = out};

	unused_all(&u, s, service);
	if (u.count > UNUSED_LISTED_MAX)
		buf_printf(out, "  and %zu more that are not used\n", u.count - UNUSED_LISTED_MAX);
}

/* ---- JSON ---- */

static void json_one(void *ctx, const char *address, const struct slice_object *e, const char *reason)
{
	struct json *j = ctx;

	json_object(j, NULL);
	json_string(j, "address", address);
	json_string(j, "slice", e->object.name);
	json_string(j, "namespace", e->object.ns);
	json_string(j, "reason", reason);
	json_end(j);
}

void print_unused_json(struct json *j, const struct store *s, const struct store_service *service)
{
	struct unused u = {.one = json_one, .ctx = j};

	json_array(j, "unusedEndpoints");
	unused_all(&u, s, service);
	json_end(j);
}

/* ---- no Service at all ---- */

void print_orphans(struct buf *out, const struct store *s, const struct store_service *service)
{
	struct unused u = {.one = put_one, .ctx = out};
	const struct store_service *other;
	struct buf reason = {0};
	size_t at = 0;

	if (service->object != NULL)
		return;
	buf_printf(&reason, "there is no Service %s/%s", service->ns, service->name);
	while ((other = store_next_service(s, &at)) != NULL)
		if (other->object != NULL && strcmp(other->name, service->name) == 0)
			buf_printf(&reason, "; there is one in namespace %s", other->ns);
	for (size_t i = 0; i < service->slice_count; i++)
		unused_endpoints(&u, service->slices[i], 0, reason.data);
	buf_fini(&reason);
}
