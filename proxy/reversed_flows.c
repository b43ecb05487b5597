/* Finds UDP flows that were recorded in the reply direction. */
#include "proxy/reversed_flows.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/addr_port.h"
#include "base/mem.h"

struct ends {
	struct addr_port client, server;
};

static struct addr_port end_of(const struct addr *addr, uint16_t port)
{
	return (struct addr_port){.addr = *addr, .port = port};
}

void reversed_flows_note(struct reversed_flows *t, const struct conntrack_entry *f)
{
	if (map_count(&t->flows) == REVERSED_FLOWS_MAX)
		return;
	struct ends *e = mem_alloc(sizeof *e);
	e->client = end_of(&f->orig_src, f->orig_src_port);
	e->server = end_of(&f->orig_dst, f->orig_port);
	free(map_put(&t->flows, e, sizeof *e, e));
	t->in_family[f->orig_dst.family == AF_INET6] = true;
	t->gap_ms = 0;
	t->next_ms = 0;
}

bool reversed_flows_has(const struct reversed_flows *t, const struct conntrack_entry *f)
{
	const struct ends reversed = {.client = end_of(&f->orig_dst, f->orig_port),
				      .server = end_of(&f->orig_src, f->orig_src_port)};

	return map_get(&t->flows, &reversed, sizeof reversed) != NULL;
}

bool reversed_flows_due(const struct reversed_flows *t, uint64_t now_ms)
{
	return t->next_ms != 0 && t->next_ms <= now_ms;
}

void reversed_flows_looked(struct reversed_flows *t, uint64_t now_ms)
{
	if (map_count(&t->flows) == 0 || now_ms < t->next_ms)
		return;
	t->gap_ms = t->gap_ms == 0 ? REVERSED_FIRST_MS : t->gap_ms * 2;
	t->next_ms = now_ms + t->gap_ms;
	if (t->gap_ms > REVERSED_LAST_MS)
		reversed_flows_fini(t);
}

void reversed_flows_fini(struct reversed_flows *t)
{
	struct ends *e;
	size_t at = 0;

	while ((e = map_next(&t->flows, &at)) != NULL)
		free(e);
	map_fini(&t->flows);
	*t = (struct reversed_flows){0};
}
