/*
 * For tests of proxy/stale: the kernel's memory, owners and one service, and the thread that asks the kernel, done in
 * the test's own time. Include last.
 */
#ifndef TESTS_STALE_SCENE_H
#define TESTS_STALE_SCENE_H

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "objects.h"
#include "proxy/elements.h"
#include "proxy/stale.h"
#include "proxy/stale_thread.h"

/* ---- the kernel's memory, in place of nft/ ---- */

struct asked {
	uint8_t family, proto;
	bool unreplied_only, any_dst;
	struct addr dst;
	uint16_t dst_port;
};

struct conntrack {
	int fail; /* every sweep fails with it */
	unsigned sweeps;
	uint32_t total;			   /* entries, whatever they are */
	struct asked asked[4];		   /* by the first ones */
	struct conntrack_entry entries[4]; /* what a sweep shows */
	size_t count;
};

struct nft {
	int fail;		      /* every dump fails with it */
	struct element_list affinity; /* what a dump shows */
	size_t hidden;		      /* of these at the end: not to the first dump */
	unsigned dumps, takes_ms;     /* a step of a dump */
	size_t step, at;	      /* entries that a step shows, 0: all; shown so far */
	unsigned refuses;	      /* transactions with more than one deletion, so many */
	unsigned commits;
	size_t next; /* where the next deletion is looked for */
};

static struct conntrack flows;
static struct nft kernel;

static inline void conntrack_asked(struct asked *a, const struct conntrack_sweep *s)
{
	*a = (struct asked){s->family, s->proto, s->unreplied_only, s->dst == NULL, {0}, s->dst_port};
	if (s->dst != NULL)
		a->dst = *s->dst;
}

int conntrack_count(struct conntrack *c, uint32_t *entries)
{
	*entries = c->total;
	return 0;
}

int conntrack_sweep(struct conntrack *c, const struct conntrack_sweep *sweep, size_t *deleted)
{
	*deleted = 0;
	if (c->sweeps < 4)
		conntrack_asked(&c->asked[c->sweeps], sweep);
	c->sweeps++;
	for (size_t i = c->fail == 0 ? c->count : 0; i-- > 0;) {
		if (c->entries[i].proto != sweep->proto || c->entries[i].orig_dst.family != sweep->family ||
		    (sweep->dst != NULL && !addr_equal(sweep->dst, &c->entries[i].orig_dst)) ||
		    (sweep->dst_port != 0 && sweep->dst_port != c->entries[i].orig_port) ||
		    (sweep->unreplied_only && !c->entries[i].unreplied) || !sweep->check(sweep->ctx, &c->entries[i]))
			continue;
		c->entries[i] = c->entries[--c->count];
		++*deleted;
	}
	return c->fail;
}

int nft_walk_begin(struct nft *nft)
{
	nft->dumps++;
	nft->at = 0;
	return 0;
}

int nft_walk_step(struct nft *nft, nft_each_fn *each, void *ctx)
{
	size_t left = nft->step != 0 ? nft->step : SIZE_MAX;

	usleep(nft->takes_ms * 1000);
	if (nft->fail != 0)
		return nft->fail;
	for (; nft->at + nft->hidden < nft->affinity.count && left > 0; left--)
		each(ctx, &nft->affinity.items[nft->at++]);
	if (nft->at + nft->hidden < nft->affinity.count)
		return 1;
	nft->hidden = 0;
	return 0;
}

void nft_walk_end(struct nft *nft)
{
	nft->at = SIZE_MAX;
}

const char *nft_error(const struct nft *nft)
{
	(void)nft;
	return "refused";
}

/* Marked, and gone with the commit: linear when they come in order. */
void nft_tx_del(struct nft *nft, const struct element *e)
{
	const size_t count = nft->affinity.count;

	for (size_t i = 0; i < count && nft->refuses == 0; i++) {
		struct element *at = &nft->affinity.items[(nft->next + i) % count];
		if (!element_same_key(at, e))
			continue;
		nft->next = (nft->next + i + 1) % count;
		at->proto = 0;
		return;
	}
}

int nft_tx_commit(struct nft *nft)
{
	const bool refused = nft->refuses != 0;
	size_t left = 0;

	nft->refuses -= refused;
	nft->commits++;
	nft->next = 0;
	for (size_t i = 0; i < nft->affinity.count; i++)
		if (nft->affinity.items[i].proto != 0)
			nft->affinity.items[left++] = nft->affinity.items[i];
	nft->affinity.count = left;
	return refused ? -ENOENT : 0;
}

/* ---- the thread ---- */

struct stale_thread {
	struct conntrack *conntrack;
	struct stale_pass *pass;
	bool stuck;	 /* the pass takes longer */
	uint64_t cpu_ns; /* that a pass takes */
	unsigned passes;
};

static struct stale_thread thread;

struct stale_thread *stale_thread_start(struct conntrack *conntrack, void (*wake)(void *ctx), void *ctx)
{
	(void)wake, (void)ctx;
	thread = (struct stale_thread){.conntrack = conntrack};
	return &thread;
}

void stale_thread_stop(struct stale_thread *t)
{
	assert_null(t->pass);
}

void stale_thread_give(struct stale_thread *t, struct stale_pass *pass)
{
	assert_null(t->pass);
	t->pass = pass;
	t->passes++;
}

bool stale_thread_is_busy(const struct stale_thread *t)
{
	return t->pass != NULL;
}

struct stale_pass *stale_thread_take(struct stale_thread *t)
{
	struct stale_pass *pass = t->stuck ? NULL : t->pass;

	if (pass == NULL)
		return NULL;
	stale_pass_run(pass, t->conntrack);
	pass->cpu_ns = t->cpu_ns;
	t->pass = NULL;
	return pass;
}

/* ---- scene ---- */

struct scene {
	struct owners *owners;
	struct service *service;
	struct stale *stale;
};

static inline struct service *compiled_named(const char *name, const char *endpoints, bool affinity,
					     enum traffic_policy policy)
{
	struct arena *a = arena_new(4096), *scratch = arena_new(4096);
	struct service_object *o = make_service(a, name, "10.96.0.1");
	const struct slice_object *slice = make_slice(a, "u", "u", IPPROTO_UDP, 5353, endpoints);
	struct addr node_addr = ip("192.168.0.2");
	struct node_facts node = {.name = "here", .node_port_addr_count = 1, .node_port_addrs = &node_addr};
	struct compile_input in = {.object = o, .slices = &slice, .slice_count = 1, .node = &node};

	add_port(a, o, "u", IPPROTO_UDP, 53, 30053);
	o->type = SERVICE_NODE_PORT;
	o->external_policy = policy;
	o->client_ip_affinity = affinity;
	o->affinity_timeout_s = 10800;
	struct service *s = service_compile(&in, scratch);
	arena_free(a);
	arena_free(scratch);
	return s;
}

static inline struct service *compiled_with(const char *endpoints, bool affinity, enum traffic_policy policy)
{
	return compiled_named("dns", endpoints, affinity, policy);
}

static inline struct service *compiled(const char *endpoints, bool affinity)
{
	return compiled_with(endpoints, affinity, POLICY_CLUSTER);
}

static inline void publish(struct scene *s, struct service *next)
{
	owners_replace(s->owners, s->service, next, NULL, NULL);
	stale_published(s->stale, s->service, next);
	service_free(s->service);
	s->service = next;
}

static inline int setup_with(void **state, bool reset_removed_tcp)
{
	static struct scene s;

	log_set_level(LOG_WARN);
	flows = (struct conntrack){0};
	kernel = (struct nft){0};
	s = (struct scene){.owners = owners_new(NULL, NULL)};
	const struct stale_config config = {.conntrack = &flows,
					    .nft = &kernel,
					    .owners = s.owners,
					    .reset_removed_tcp = reset_removed_tcp,
					    .grace_ms = 1000};
	s.stale = stale_new(&config);
	*state = &s;
	return 0;
}

static inline int setup(void **state)
{
	return setup_with(state, false);
}

static inline int setup_reset(void **state)
{
	return setup_with(state, true);
}

static inline int teardown(void **state)
{
	struct scene *s = *state;

	publish(s, NULL);
	stale_free(s->stale);
	owners_free(s->owners);
	element_list_fini(&kernel.affinity);
	return 0;
}

/* A client that was sent to 10.0.0.1. */
static inline void record_client(const char *client)
{
	struct addr client_addr = ip(client);
	struct element e = {.set = SET_AFFINITY,
			    .daddr = ip("10.96.0.1"),
			    .proto = IPPROTO_UDP,
			    .port = 53,
			    .range = cidr_host(&client_addr),
			    .to = ip("10.0.0.1"),
			    .to_port = 5353};

	element_list_add(&kernel.affinity, &e);
}

/* A UDP flow that is not translated. */
static inline void track(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	flows.entries[flows.count++] = (struct conntrack_entry){.orig_src = ip(src),
								.orig_dst = ip(dst),
								.reply_src = ip(dst),
								.orig_src_port = sport,
								.orig_port = dport,
								.reply_port = dport,
								.proto = IPPROTO_UDP};
}

/* The pass that a turn begins is over at once; the next turn hears of it. */
static inline uint64_t turn_at(const struct scene *s, uint64_t now_ms)
{
	uint64_t wait_ms = stale_turn(s->stale, now_ms);

	return thread.pass != NULL && !thread.stuck ? stale_turn(s->stale, now_ms) : wait_ms;
}

/* The turn after a change, and the one that looks. */
static inline uint64_t look_at(const struct scene *s, uint64_t now_ms)
{
	uint64_t wait_ms = turn_at(s, now_ms - STALE_COALESCE_MS);

	assert_in_range(wait_ms, 1, STALE_COALESCE_MS);
	return turn_at(s, now_ms);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
