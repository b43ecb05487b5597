/* Copies what the relay needs of a service and chooses endpoints. */
#include "relay/relay_plan.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static struct addr loopback(int family)
{
	if (family == AF_INET)
		return (struct addr){.family = AF_INET, .bytes = {127, 0, 0, 1}};
	return (struct addr){.family = AF_INET6, .bytes = {[15] = 1}};
}

static void *copy(const void *from, size_t count, size_t bytes)
{
	void *to = mem_array(count, bytes);

	if (count != 0)
		memcpy(to, from, count * bytes);
	return to;
}

bool relay_plan_key(const struct service *s, size_t port, struct frontend_key *key)
{
	const struct service_port *sp = &s->ports[port];

	if (!s->proxied || sp->node_port == 0 || sp->cluster.count == 0)
		return false;
	if (sp->proto != IPPROTO_TCP && sp->proto != IPPROTO_UDP)
		return false;
	*key = (struct frontend_key){.addr = loopback(sp->family), .proto = sp->proto, .port = sp->node_port};
	return true;
}

struct relay_plan *relay_plan_new(const struct service *s, size_t port)
{
	const struct service_port *sp = &s->ports[port];
	struct relay_plan *p = mem_alloc(sizeof *p);

	bool listens = relay_plan_key(s, port, &p->key);
	assert(listens);
	(void)listens;
	p->what = service_key(s->ns, s->name);
	p->affinity = s->affinity;
	p->maglev = s->maglev;
	p->affinity_timeout_s = s->affinity_timeout_s;
	p->slot_count = sp->cluster.count;
	p->slots = copy(sp->cluster.slots, p->slot_count, sizeof *p->slots);
	p->target_count = sp->target_count;
	p->targets = copy(sp->targets, p->target_count, sizeof *p->targets);
	return p;
}

void relay_plan_free(struct relay_plan *p)
{
	if (p == NULL)
		return;
	free(p->what);
	free(p->slots);
	free(p->targets);
	free(p);
}

static bool has(const struct relay_plan *p, const struct target *target, unsigned flag)
{
	for (uint32_t i = 0; i < p->target_count; i++) {
		const struct target *t = &p->targets[i];
		if (t->port == target->port && addr_equal(&t->addr, &target->addr))
			return (t->flags & flag) != 0;
	}
	return false;
}

bool relay_plan_serves(const struct relay_plan *p, const struct target *target)
{
	return has(p, target, TARGET_SERVING);
}

const struct target *relay_plan_pick(const struct relay_plan *p, struct relay_choice *choice, uint64_t now_ms,
				     uint32_t random)
{
	bool keep = p->affinity && choice->target.addr.family != 0 && now_ms < choice->until_ms &&
		    has(p, &choice->target, TARGET_IN_CLUSTER);

	/* Maglev hashes the client's address, which is one and the same here: always the same slot. */
	if (!keep)
		choice->target = p->targets[p->slots[p->maglev ? 0 : random % p->slot_count]];
	choice->until_ms = now_ms + (uint64_t)p->affinity_timeout_s * 1000;
	return &choice->target;
}
