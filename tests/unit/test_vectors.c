/*
 * kube-proxy's own cases (tests/vectors/proxy.json) against the compiler: endpoint choice, slices, node-port
 * addresses, conntrack. Where a later kube-proxy or this program does better, the test says so.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load.h"
#include "service/nodeports.h"
#include "proxy/stale_snapshot.h"
#include "vectors.h"

/* ---- topology_tests ---- */

/* The targets with a flag are exactly the listed ones ("10.0.0.1:80"); null is an empty list. */
static void expect_targets(const struct service_port *p, unsigned flags, const struct value *list, const char *what)
{
	uint32_t count = 0;

	for (const struct value *v = list != NULL ? list->first : NULL; v != NULL; v = v->next) {
		struct addr addr;
		uint16_t port = 0;
		assert_true(addr_port_parse(&addr, &port, v->text));
		uint32_t at = service_port_find(p, &addr, port);
		if (at == p->target_count || (p->targets[at].flags & flags) == 0)
			fail_msg("%s: %s is missing", what, v->text);
		count++;
	}
	for (uint32_t i = 0; i < p->target_count; i++)
		count -= (p->targets[i].flags & flags) != 0;
	assert_int_equal(count, 0);
}

static void topology_case(const struct value *v)
{
	struct loaded l = {0};
	struct arena *scratch = arena_new(4096);
	const struct value *node = value_get(v, "node"), *expect = value_get(v, "expect");
	struct node_facts view = {.name = text_of(node, "name"), .zone = text_of(node, "zone")};

	load_value(&l, value_get(v, "service"));
	load_value(&l, value_get(v, "endpointslice"));
	struct service *s = loaded_compile(&l, (const struct service_object *)l.objects[0], &view, scratch);
	const struct service_port *p = &s->ports[0];
	expect_targets(p, TARGET_IN_CLUSTER, value_get(expect, "cluster"), text_of(v, "name"));
	expect_targets(p, TARGET_IN_LOCAL, value_get(expect, "local"), text_of(v, "name"));
	expect_targets(p, TARGET_IN_CLUSTER | TARGET_IN_LOCAL, value_get(expect, "all"), text_of(v, "name"));
	assert_int_equal(s->frontends[0].action != ACTION_REJECT, value_get(expect, "hasAnyEndpoints")->boolean);
	service_free(s);
	loaded_fini(&l);
	arena_free(scratch);
}

static void topology_tests(void **state)
{
	assert_int_equal(vectors_each(*state, "topology_tests", topology_case), 21);
}

/* ---- endpointslice_tests ---- */

/* The Service that the case leaves out: its ports are the keys of what is expected, "ns1/svc1:port-0/TCP". */
static struct service_object *implied_service(struct arena *a, const struct value *v)
{
	struct service_object *o = arena_alloc(a, sizeof *o);
	const struct value *expect = value_get(v, "expect"), *service = value_get(v, "service");
	struct port_object *ports = arena_array(a, expect->count, sizeof *ports);

	for (const struct value *e = expect->first; e != NULL; e = e->next) {
		const char *colon = strchr(e->key, ':'), *slash = strchr(colon, '/');
		ports[o->port_count++] = (struct port_object){
			.name = arena_strndup(a, colon + 1, (size_t)(slash - colon - 1)),
			.proto = proto_parse(slash + 1),
			.port = (uint16_t)o->port_count,
		};
	}
	o->ports = ports;
	o->object = (struct object){
		.kind = OBJECT_SERVICE, .ns = text_of(service, "namespace"), .name = text_of(service, "name")};
	o->cluster_ip_count = 1;
	assert_true(addr_parse(&o->cluster_ips[0], "10.96.0.1"));
	return o;
}

static void expect_endpoint(const struct service_port *p, const struct value *e)
{
	static const struct {
		const char *key;
		unsigned flag;
	} flags[] = {{"isLocal", TARGET_ON_NODE},
		     {"ready", TARGET_READY},
		     {"serving", TARGET_SERVING},
		     {"terminating", TARGET_TERMINATING}};
	struct addr addr;

	assert_true(addr_parse(&addr, text_of(e, "ip")));
	uint16_t port = (uint16_t)value_get(e, "port")->integer;
	uint32_t at = service_port_find(p, &addr, port);
	assert_true(at < p->target_count && addr_equal(&p->targets[at].addr, &addr) && p->targets[at].port == port);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal((p->targets[at].flags & flags[i].flag) != 0, value_get(e, flags[i].key)->boolean);
}

static void slice_case(const struct value *v)
{
	struct loaded l = {0};
	struct arena *a = arena_new(4096), *scratch = arena_new(4096);
	struct service_object *o = implied_service(a, v);
	struct node_facts view = {.name = text_of(v, "node")};
	size_t at = 0;

	for (const struct value *s = value_get(v, "endpointslices")->first; s != NULL; s = s->next)
		load_value(&l, s);
	struct service *s = loaded_compile(&l, o, &view, scratch);
	for (const struct value *e = value_get(v, "expect")->first; e != NULL; e = e->next, at++) {
		assert_int_equal(s->ports[at].target_count, e->count);
		for (const struct value *endpoint = e->first; endpoint != NULL; endpoint = endpoint->next)
			expect_endpoint(&s->ports[at], endpoint);
	}
	assert_int_equal(s->port_count, at);
	service_free(s);
	loaded_fini(&l);
	arena_free(a);
	arena_free(scratch);
}

static void endpointslice_tests(void **state)
{
	assert_int_equal(vectors_each(*state, "endpointslice_tests", slice_case), 8);
}

/* ---- nodeport_address_tests ---- */

/*
 * Loopback addresses are never among ours: a kernel DNAT there needs route_localnet, so the relay serves them, and
 * only when a CIDR or keyword names them (the cases' /0 and empty list do not: nftables mode leaves loopback out).
 */
static void expect_ips(const struct value *list, const struct addr *got, size_t count, int family)
{
	size_t wanted = 0, found = 0;

	for (const struct value *v = list->first; v != NULL; v = v->next) {
		struct addr a;
		assert_true(addr_parse(&a, v->text));
		if (addr_is_loopback(&a))
			continue;
		wanted++;
		for (size_t i = 0; i < count; i++)
			found += addr_equal(&got[i], &a);
	}
	assert_int_equal(found, wanted);
	for (size_t i = 0; i < count; i++)
		wanted -= got[i].family == family;
	assert_int_equal(wanted, 0);
}

static void nodeport_case(const struct value *v)
{
	const struct value *expect = value_get(v, "expect");
	struct addr host[16], got[16];
	size_t host_count = vectors_interfaces(value_get(v, "interfaces"), host, 16);
	struct nodeports n = vectors_nodeports(value_get(v, "cidrs"));
	size_t count = nodeports_evaluate(&n, host, host_count, NULL, 0, got);

	expect_ips(value_get(value_get(expect, "IPv4"), "ips"), got, count, AF_INET);
	expect_ips(value_get(value_get(expect, "IPv6"), "ips"), got, count, AF_INET6);
}

static void nodeport_address_tests(void **state)
{
	assert_int_equal(vectors_each(*state, "nodeport_address_tests", nodeport_case), 9);
}

/* ---- conntrack_tests ---- */

#define NODE_PORT_ADDR "192.168.0.2"

static const char *word_of(const struct value *v, const char *key)
{
	const char *text = text_of(v, key);

	return text != NULL ? text : "";
}

/* An entry's node port address "any" is that of our node; a null reply port says that nothing was translated. */
static struct conntrack_entry flow_of(const struct value *e)
{
	const struct value *reply_port = value_get(e, "replySport");
	const char *proto = text_of(e, "proto"), *dst = text_of(e, "origDst");
	struct conntrack_entry f = {.orig_port = (uint16_t)value_get(e, "origDport")->integer};

	f.proto = strcmp(proto, "udp") == 0 ? IPPROTO_UDP : strcmp(proto, "tcp") == 0 ? IPPROTO_TCP : IPPROTO_SCTP;
	f.reply_port = reply_port != NULL ? (uint16_t)reply_port->integer : f.orig_port;
	assert_true(addr_parse(&f.orig_dst, dst != NULL ? dst : NODE_PORT_ADDR));
	assert_true(addr_parse(&f.reply_src, text_of(e, "replySrc")));
	return f;
}

/* The same entry with UDP: we treat SCTP alike (k/k#101968), kube-proxy keeps all of it. */
static const struct value *udp_twin(const struct value *entries, const struct value *e)
{
	for (const struct value *u = entries->first; u != NULL; u = u->next)
		if (strcmp(text_of(u, "proto"), "udp") == 0 &&
		    strcmp(word_of(u, "origDst"), word_of(e, "origDst")) == 0 &&
		    value_get(u, "origDport")->integer == value_get(e, "origDport")->integer &&
		    strcmp(text_of(u, "replySrc"), text_of(e, "replySrc")) == 0 && value_get(u, "replySport") != NULL &&
		    value_get(u, "replySport")->integer == value_get(e, "replySport")->integer)
			return u;
	fail_msg("no UDP entry like it");
	return NULL;
}

static bool expect_keep(const struct value *v, const struct value *entries, const struct value *e)
{
	if (value_get(v, "endpointslice") == NULL)
		return false; /* kube-proxy 1.37 (k/k#139629): no serving endpoint is an empty set, not a reason to skip
			       */
	if (strcmp(text_of(e, "proto"), "sctp") == 0)
		e = udp_twin(entries, e);
	return value_get(e, "keep")->boolean;
}

static enum stale_action action_of(const struct conntrack_entry *f, const struct stale_snapshot *snapshot)
{
	const struct frontend_key key = {.addr = f->orig_dst, .proto = f->proto, .port = f->orig_port};
	const struct stale_frontend *frontend = stale_snapshot_find(snapshot, &key);

	return frontend != NULL ? stale_check(f, frontend) : FLOW_KEEP;
}

static void conntrack_case(const struct value *v)
{
	struct loaded l = {0};
	struct arena *scratch = arena_new(4096);
	struct addr node_port_addr;
	struct node_facts view = {.node_port_addr_count = 1, .node_port_addrs = &node_port_addr};
	struct stale_snapshot snapshot = {0};
	struct owners *owners = owners_new(NULL, NULL);
	const struct value *entries = value_get(v, "entries");

	assert_true(addr_parse(&node_port_addr, NODE_PORT_ADDR));
	load_value(&l, value_get(v, "service"));
	if (value_get(v, "endpointslice") != NULL)
		load_value(&l, value_get(v, "endpointslice"));
	struct service *s = loaded_compile(&l, (const struct service_object *)l.objects[0], &view, scratch);
	owners_replace(owners, NULL, s, NULL, NULL);
	for (size_t i = 0; i < s->frontend_count; i++)
		stale_snapshot_add(&snapshot, owners, &s->frontends[i].key);
	for (const struct value *e = entries->first; e != NULL; e = e->next) {
		struct conntrack_entry f = flow_of(e);
		assert_int_equal(action_of(&f, &snapshot) != FLOW_DELETE, expect_keep(v, entries, e));
		if (value_get(e, "origDst") != NULL)
			continue;
		/* The node port's number elsewhere is another program's flow; kube-proxy deletes it. */
		assert_true(addr_parse(&f.orig_dst, "203.0.113.9"));
		assert_int_equal(action_of(&f, &snapshot), FLOW_KEEP);
	}
	stale_snapshot_fini(&snapshot);
	owners_free(owners);
	service_free(s);
	loaded_fini(&l);
	arena_free(scratch);
}

static void conntrack_tests(void **state)
{
	assert_int_equal(vectors_each(*state, "conntrack_tests", conntrack_case), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topology_tests),
		cmocka_unit_test(endpointslice_tests),
		cmocka_unit_test(nodeport_address_tests),
		cmocka_unit_test(conntrack_tests),
	};
	return cmocka_run_group_tests(tests, vectors_setup, vectors_teardown);
}
