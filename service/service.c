/* Packs, finds and frees compiled services. */
#include "service/service.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "nft/element.h"

static_assert(sizeof(struct frontend_key) == 20, "keys are hashed and compared as bytes: no padding");

void service_free(struct service *s)
{
	free(s);
}

char *service_key(const char *ns, const char *name)
{
	struct buf key = {0};

	buf_printf(&key, "%s/%s", ns, name);
	return key.data;
}

static int by_age(const struct service *a, const struct service *b)
{
	if (a->created_s == 0 || b->created_s == 0)
		return (a->created_s == 0) - (b->created_s == 0);
	return (a->created_s > b->created_s) - (a->created_s < b->created_s);
}

int service_name_compare(const struct service *a, const struct service *b)
{
	return text_compare_names(a->ns, a->name, b->ns, b->name);
}

int service_precedence(const struct service *a, const struct service *b)
{
	int order = by_age(a, b);

	return order != 0 ? order : service_name_compare(a, b);
}

struct frontend_key frontend_key_of(const struct element *e)
{
	return (struct frontend_key){.addr = e->daddr, .proto = e->proto, .port = e->port};
}

int frontend_key_compare(const struct frontend_key *a, const struct frontend_key *b)
{
	int c = addr_compare(&a->addr, &b->addr);

	if (c == 0)
		c = (a->proto > b->proto) - (a->proto < b->proto);
	return c != 0 ? c : (a->port > b->port) - (a->port < b->port);
}

int target_compare(const struct target *a, const struct target *b)
{
	int c = addr_compare(&a->addr, &b->addr);

	return c != 0 ? c : (a->port > b->port) - (a->port < b->port);
}

const char *service_target_state(const struct service_port *p, const struct target *t)
{
	if (service_target_used(t))
		return (t->flags & TARGET_READY) != 0 ? "used" : "used while terminating";
	if ((t->flags & TARGET_OURSELVES) != 0)
		return "this process, steered";
	if ((t->flags & TARGET_TERMINATING) != 0)
		return "terminating";
	if ((t->flags & TARGET_READY) == 0)
		return "not ready";
	if (p->topology == TOPOLOGY_SAME_ZONE)
		return "other zone";
	return p->topology == TOPOLOGY_SAME_NODE ? "hinted for another node" : "other node";
}

const struct frontend *service_frontend(const struct service *s, const struct frontend_key *key)
{
	size_t low = 0, high = s->frontend_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = frontend_key_compare(&s->frontends[middle].key, key);
		if (c == 0)
			return &s->frontends[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

uint32_t service_port_find(const struct service_port *p, const struct addr *addr, uint16_t port)
{
	struct target wanted = {.addr = *addr, .port = port};
	uint32_t low = 0, high = p->target_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (target_compare(&p->targets[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
