/* Which conntrack entries are stale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "objects.h"
#include "proxy/stale_snapshot.h"

struct world {
	struct owners *owners;
	struct service *s;
	struct stale_snapshot snapshot; /* of all that s has, and what the version before had */
};

/* One UDP, one TCP and one SCTP port 53 at 10.96.0.1 and node port 30053 at 192.168.0.2; endpoints at port 5353. */
static struct service *dns_service(const char *endpoints)
{
	struct arena *a = arena_new(4096), *scratch = arena_new(4096);
	struct addr node_addr = ip("192.168.0.2");
	struct node_facts node = {.name = "here", .node_port_addr_count = 1, .node_port_addrs = &node_addr};
	struct service_object *o = make_service(a, "dns", "10.96.0.1");
	const struct slice_object *slices[] = {
		make_slice(a, "u", "u", IPPROTO_UDP, 5353, endpoints),
		make_slice(a, "t", "t", IPPROTO_TCP, 5353, endpoints),
		make_slice(a, "s", "s", IPPROTO_SCTP, 5353, endpoints),
	};
	struct compile_input in = {.object = o, .slices = slices, .slice_count = 3, .node = &node};

	add_port(a, o, "u", IPPROTO_UDP, 53, 30053);
	add_port(a, o, "t", IPPROTO_TCP, 53, 30053);
	add_port(a, o, "s", IPPROTO_SCTP, 53, 30053);
	struct service *s = service_compile(&in, scratch);
	arena_free(a);
	arena_free(scratch);
	return s;
}

static void add_all(struct world *w, const struct service *s)
{
	for (size_t i = 0; s != NULL && i < s->frontend_count; i++)
		stale_snapshot_add(&w->snapshot, w->owners, &s->frontends[i].key);
}

static void change(struct world *w, struct service *next)
{
	struct service *prev = w->s;

	stale_snapshot_fini(&w->snapshot);
	owners_replace(w->owners, prev, next, NULL, NULL);
	add_all(w, prev);
	add_all(w, next);
	service_free(prev);
	w->s = next;
}

static int setup(void **state)
{
	static struct world w;

	w = (struct world){.owners = owners_new(NULL, NULL)};
	change(&w, dns_service("10.0.0.1 ~10.0.0.2 !10.0.0.3"));
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	change(w, NULL);
	stale_snapshot_fini(&w->snapshot);
	owners_free(w->owners);
	return 0;
}

static enum stale_action check(const struct world *w, uint8_t proto, const char *dst, uint16_t dport, const char *reply,
			       uint16_t rport, bool syn_sent)
{
	struct conntrack_entry f = {
		.orig_dst = ip(dst),
		.orig_port = dport,
		.reply_src = ip(reply),
		.reply_port = rport,
		.proto = proto,
		.syn_sent = syn_sent,
	};

	const struct frontend_key key = {.addr = f.orig_dst, .proto = proto, .port = dport};
	const struct stale_frontend *frontend = stale_snapshot_find(&w->snapshot, &key);

	return frontend != NULL ? stale_check(&f, frontend) : FLOW_KEEP;
}

static void udp_and_sctp(void **state)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_SCTP};
	const struct world *w = *state;

	for (size_t i = 0; i < 2; i++) {
		uint8_t p = protos[i];
		assert_int_equal(check(w, p, "10.96.0.1", 53, "10.0.0.1", 5353, false), FLOW_KEEP);
		assert_int_equal(check(w, p, "10.96.0.1", 53, "10.0.0.2", 5353, false), FLOW_KEEP);
		assert_int_equal(check(w, p, "10.96.0.1", 53, "10.0.0.3", 5353, false), FLOW_DELETE);
		assert_int_equal(check(w, p, "10.96.0.1", 53, "10.0.0.1", 5354, false), FLOW_DELETE);
		assert_int_equal(check(w, p, "10.96.0.1", 53, "10.0.0.9", 5353, false), FLOW_DELETE);
		/* Ran ahead of the rules. */
		assert_int_equal(check(w, p, "10.96.0.1", 53, "10.96.0.1", 53, false), FLOW_DELETE);
		/* The node port is an address and a port: k/k deletes any flow to that port number. */
		assert_int_equal(check(w, p, "192.168.0.2", 30053, "10.0.0.9", 5353, false), FLOW_DELETE);
		assert_int_equal(check(w, p, "203.0.113.7", 30053, "203.0.113.7", 30053, false), FLOW_KEEP);
		assert_int_equal(check(w, p, "10.96.0.1", 54, "10.0.0.9", 5353, false), FLOW_KEEP);
	}
}

/* k/k#139628: a service scaled to zero keeps no flow. */
static void scaled_to_zero(void **state)
{
	struct world *w = *state;

	change(w, dns_service("!10.0.0.1"));
	assert_int_equal(check(w, IPPROTO_UDP, "10.96.0.1", 53, "10.0.0.1", 5353, false), FLOW_DELETE);
	change(w, dns_service(""));
	assert_int_equal(check(w, IPPROTO_UDP, "10.96.0.1", 53, "10.0.0.1", 5353, false), FLOW_DELETE);
}

static void deleted_service(void **state)
{
	struct world *w = *state;

	change(w, NULL);
	assert_int_equal(check(w, IPPROTO_UDP, "10.96.0.1", 53, "10.0.0.1", 5353, false), FLOW_DELETE);
	assert_int_equal(check(w, IPPROTO_UDP, "192.168.0.2", 30053, "10.0.0.1", 5353, false), FLOW_DELETE);
	assert_int_equal(check(w, IPPROTO_UDP, "192.168.0.2", 30054, "10.0.0.1", 5353, false), FLOW_KEEP);
	/* Not translated: the host's own business. */
	assert_int_equal(check(w, IPPROTO_UDP, "192.168.0.2", 30053, "192.168.0.2", 30053, false), FLOW_KEEP);
	assert_int_equal(check(w, IPPROTO_TCP, "10.96.0.1", 53, "10.0.0.1", 5353, false), FLOW_KEEP);
	assert_int_equal(check(w, IPPROTO_TCP, "10.96.0.1", 53, "10.0.0.1", 5353, true), FLOW_DELETE);
}

static void tcp(void **state)
{
	const struct world *w = *state;

	/* k/k#48719: the SYN ran ahead of the rules and would be repeated into the void. */
	assert_int_equal(check(w, IPPROTO_TCP, "10.96.0.1", 53, "10.96.0.1", 53, true), FLOW_DELETE);
	assert_int_equal(check(w, IPPROTO_TCP, "10.96.0.1", 53, "10.0.0.3", 5353, true), FLOW_DELETE);
	assert_int_equal(check(w, IPPROTO_TCP, "10.96.0.1", 53, "10.0.0.1", 5353, true), FLOW_KEEP);
	/* Established: left alone while the endpoint is listed, in whatever condition. */
	assert_int_equal(check(w, IPPROTO_TCP, "10.96.0.1", 53, "10.0.0.1", 5353, false), FLOW_KEEP);
	assert_int_equal(check(w, IPPROTO_TCP, "10.96.0.1", 53, "10.0.0.3", 5353, false), FLOW_KEEP);
	assert_int_equal(check(w, IPPROTO_TCP, "10.96.0.1", 53, "10.0.0.9", 5353, false), FLOW_REMOVED);
	assert_int_equal(check(w, IPPROTO_TCP, "203.0.113.7", 443, "203.0.113.7", 443, true), FLOW_KEEP);
}

/* One character for each frontend: T, U, S at the ClusterIP, lower case at the node port. */
static void collect(void *ctx, const struct frontend_key *key)
{
	char *seen = ctx, c = key->proto == IPPROTO_TCP ? 'T' : key->proto == IPPROTO_UDP ? 'U' : 'S';

	for (; *seen != '\0'; seen++) {
	}
	*seen = key->port == 53 ? c : (char)(c + 'a' - 'A');
}

static const char *changed(const struct service *prev, const struct service *next, bool tcp)
{
	static char seen[16];

	memset(seen, 0, sizeof seen);
	staleflows_changed(prev, next, tcp, collect, seen);
	return seen;
}

static void which_frontends_a_change_concerns(void **state)
{
	struct service *one = dns_service("10.0.0.1"), *two = dns_service("10.0.0.1 10.0.0.2");
	struct service *leaving = dns_service("~10.0.0.1"), *out = dns_service("!10.0.0.1");

	(void)state;
	assert_string_equal(changed(NULL, one, false), "TUStus"); /* sorted by address */
	assert_string_equal(changed(one, NULL, false), "USus");
	assert_string_equal(changed(one, NULL, true), "TUStus");
	assert_string_equal(changed(one, two, true), "");
	assert_string_equal(changed(two, one, false), "USus");
	assert_string_equal(changed(two, one, true), "TUStus");
	assert_string_equal(changed(one, leaving, true), "");
	assert_string_equal(changed(leaving, out, false), "USus");
	assert_string_equal(changed(NULL, NULL, true), "");
	two->created_s = 7; /* another Service of that name: others may come before it now */
	assert_string_equal(changed(one, two, false), "TUStus");
	service_free(one);
	service_free(two);
	service_free(leaving);
	service_free(out);
}

/* What a pass reads stays as it was, whatever becomes of the services. */
static void a_snapshot_is_a_copy(void **state)
{
	struct world *w = *state;
	struct stale_snapshot kept = w->snapshot;
	const struct frontend_key cluster = {.addr = ip("10.96.0.1"), .proto = IPPROTO_UDP, .port = 53};
	const struct frontend_key node = {.addr = ip("192.168.0.2"), .proto = IPPROTO_UDP, .port = 30053};

	w->snapshot = (struct stale_snapshot){0};
	change(w, NULL);
	const struct stale_frontend *f = stale_snapshot_find(&kept, &cluster);
	assert_int_equal(f->target_count, 3);
	assert_int_equal(f->targets[0].port, 5353);
	assert_ptr_equal(stale_snapshot_find(&kept, &node)->targets, f->targets); /* copied once */
	stale_snapshot_fini(&kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(udp_and_sctp, setup, teardown),
		cmocka_unit_test_setup_teardown(scaled_to_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(deleted_service, setup, teardown),
		cmocka_unit_test_setup_teardown(tcp, setup, teardown),
		cmocka_unit_test(which_frontends_a_change_concerns),
		cmocka_unit_test_setup_teardown(a_snapshot_is_a_copy, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
