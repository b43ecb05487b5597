/* What an extended error says about a reply without records, as ldns reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <ldns/ldns.h>

#include "base/clock.h"
#include "dns/zone/clients.h"
#include "tests/unit/dns_lab.h"

static struct lab lab;

static int fill(void **state)
{
	(void)state;
	lab_init(&lab);
	lab_put(&lab, lab_cluster_ip("other", "web", "10.96.0.1", "http:tcp:80 dns:udp:53", "a=10.244.0.1"));
	lab_put(&lab, lab_cluster_ip("other", "six", "fd00::1", ":tcp:80", "a=fd00:244::1"));
	lab_put(&lab, lab_cluster_ip("other", "theirs", "10.96.0.3", "http:tcp:80", "")); /* another proxy's */
	struct service *idle = lab_cluster_ip("other", "idle", "10.96.0.2", "http:tcp:80", "");
	idle->proxied = true;
	lab_put(&lab, idle);
	lab_put(&lab, lab_cluster_ip("other", "pending", "", "http:tcp:80", ""));
	lab_put(&lab, lab_headless("other", "db", "sql:tcp:1", "db-0=10.244.0.2 db-1=10.244.0.3", 1));
	lab_put(&lab, lab_headless("other", "gone", "sql:tcp:1", "", 3));
	lab_put(&lab, lab_external("other", "ext", "www.example.test"));
	return 0;
}

static int empty(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

/* "code text", or "" without an extended error. */
static const char *said(const char *name, unsigned type, unsigned class, unsigned edns_bytes, enum respond_proto proto)
{
	static char text[512];
	uint8_t query[512];
	ldns_pkt *p = NULL;

	text[0] = '\0';
	lab_send(&lab, query, lab_query(query, name, type, class, edns_bytes), proto);
	assert_int_equal(ldns_wire2pkt(&p, lab.reply, lab.reply_bytes), LDNS_STATUS_OK);
	ldns_rdf *options = ldns_pkt_edns_data(p);
	for (size_t at = 0; options != NULL && at + 4 <= ldns_rdf_size(options);) {
		const uint8_t *o = ldns_rdf_data(options) + at;
		unsigned length = wire_get16(o + 2);
		if (wire_get16(o) == OPTION_EDE)
			snprintf(text, sizeof text, "%u %.*s", wire_get16(o + 4), (int)length - 2, (const char *)o + 6);
		at += 4 + length;
	}
	ldns_pkt_free(p);
	return text;
}

#define S ".other.svc.cluster.local"

static const struct {
	const char *name;
	unsigned type;
	const char *expected;
} asked_and_said[] = {
	{"nope" S, TYPE_A, "0 no Service nope in namespace other"},
	{"a\7b" S, TYPE_A, "0 no Service a?b in namespace other"},
	{"x.y.nope" S, TYPE_A, "0 no Service nope in namespace other"},
	{"wev" S, TYPE_A, "0 did you mean web.other.svc.cluster.local"},
	{"we" S, TYPE_A, "0 did you mean web.other.svc.cluster.local"},
	{"webb" S, TYPE_A, "0 did you mean web.other.svc.cluster.local"},
	{"ewb" S, TYPE_A, "0 did you mean web.other.svc.cluster.local"},
	{"_http._tcp.wbe" S, TYPE_SRV, "0 did you mean _http._tcp.web.other.svc.cluster.local"},
	{"wevs" S, TYPE_A, "0 no Service wevs in namespace other"},
	{"bew" S, TYPE_A, "0 no Service bew in namespace other"},
	{"d" S, TYPE_A, "0 no Service d in namespace other"},
	{"web.othr.svc.cluster.local", TYPE_A, "0 did you mean web.other.svc.cluster.local"},
	{"web.defualt.svc.cluster.local", TYPE_A, "0 no namespace defualt; there is default"},
	{"web.other.scv.cluster.local", TYPE_A, "0 did you mean web.other.svc.cluster.local"},
	{"nope.other.scv.cluster.local", TYPE_A, "0 names of Services are SERVICE.NAMESPACE.svc.cluster.local"},
	{"web.nowhere.svc.cluster.local", TYPE_A, "0 no namespace nowhere"},
	{"web.svc.cluster.local", TYPE_A,
	 "0 no namespace web; names of Services are SERVICE.NAMESPACE.svc.cluster.local"},
	{"10-0-0-1.nowhere.pod.cluster.local", TYPE_A, "0 no namespace nowhere"},
	{"x.other.pod.cluster.local", TYPE_A, "0 no pod has the address x in this namespace"},
	{"web.other.cluster.local", TYPE_A, "0 did you mean web.other.svc.cluster.local"},
	{"_http._tcp.web.other.cluster.local", TYPE_SRV, "0 did you mean _http._tcp.web.other.svc.cluster.local"},
	{"nope.other.cluster.local", TYPE_A, "0 names of Services are SERVICE.NAMESPACE.svc.cluster.local"},
	{"nope.cluster.local", TYPE_A, "0 names of Services are SERVICE.NAMESPACE.svc.cluster.local"},
	{"other.web.svc.cluster.local", TYPE_A, "0 did you mean web.other.svc.cluster.local"},
	{"web" S S, TYPE_A, "0 search list was appended twice; end the name with a dot"},
	{"web" S ".svc.cluster.local", TYPE_A, "0 search list was appended twice; end the name with a dot"},
	{"web" S ".cluster.local", TYPE_A, "0 search list was appended twice; end the name with a dot"},
	{"_htp._tcp.web" S, TYPE_SRV, "0 ports of web: dns/UDP, http/TCP"},
	{"http.tcp.web" S, TYPE_SRV, "0 ports of web: dns/UDP, http/TCP"},
	{"_sctp.web" S, TYPE_SRV, "0 ports of web: dns/UDP, http/TCP"},
	{"_http._tcp.six" S, TYPE_SRV, "0 Service six has no named port"},
	{"waiting-0.db" S, TYPE_A, "0 endpoint waiting-0 exists, not ready; 2 of 3 endpoints ready"},
	{"waiting-1.gone" S, TYPE_A, "0 endpoint waiting-1 exists, not ready; 0 of 3 endpoints ready"},
	{"waiting-1.db" S, TYPE_A, "0 no ready endpoint waiting-1; 2 of 3 endpoints ready"},
	{"db-2.db" S, TYPE_A, "0 no ready endpoint db-2; 2 of 3 endpoints ready"},
	{"a.b.c.web" S, TYPE_A, "0 below Service web are only ENDPOINT and _PORT._PROTOCOL"},
	{"x.ext" S, TYPE_A, "0 Service ext is an ExternalName: nothing is below it"},
	{"gone" S, TYPE_A, "0 0 of 3 endpoints ready"},
	{"db-0.gone" S, TYPE_A, "0 0 of 3 endpoints ready"},
	{"pending" S, TYPE_A, "0 Service pending has no ClusterIP yet"},
	{"idle" S, TYPE_A, "0 0 of 0 endpoints ready: connections are refused"},
	{"web" S, TYPE_AAAA, "0 Service is IPv4 only"},
	{"six" S, TYPE_A, "0 Service is IPv6 only"},
	{"db" S, TYPE_AAAA, "0 ready endpoints are IPv4 only"},
	{"db-0.db" S, TYPE_AAAA, "0 endpoint is IPv4 only"},
	{"www.example.test", TYPE_A,
	 "20 name is outside the cluster domain: ask another server, or start fairlead without --forward none"},
	{"cluster.local", TYPE_AXFR, "18 transfers need TCP and a client in --dns-transfer"},
};

static void reasons(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof asked_and_said / sizeof *asked_and_said; i++) {
		assert_string_equal(said(asked_and_said[i].name, asked_and_said[i].type, CLASS_IN, 1232, RESPOND_UDP),
				    asked_and_said[i].expected);
		assert_string_equal(said(asked_and_said[i].name, asked_and_said[i].type, CLASS_IN, 0, RESPOND_UDP), "");
	}
	assert_string_equal(said("web" S, TYPE_A, 4, 1232, RESPOND_UDP), "21 only class IN is served");
}

static void nothing_is_said_about_records(void **state)
{
	static const char *const names[] = {"web" S, "db" S, "db-0.db" S, "ext" S, "theirs" S};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_string_equal(said(names[i], TYPE_A, CLASS_IN, 1232, RESPOND_UDP), "");
	assert_string_equal(said("web" S, TYPE_TXT, CLASS_IN, 1232, RESPOND_UDP), "");
	assert_string_equal(said("other.svc.cluster.local", TYPE_A, CLASS_IN, 1232, RESPOND_UDP), "");
}

/* The longest labels: the text is cut at its own limit, and left out where the client has no room for it. */
static void bounded(void **state)
{
#define L "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
	static const char name[] = "x." L "." L "." L ".web.other.cluster.local";
	uint8_t query[512], reply[512];

	(void)state;
	const char *text = said(name, TYPE_A, CLASS_IN, 1232, RESPOND_UDP);
	assert_int_equal(strlen(text), 2 + 159);
	assert_int_equal(strncmp(text, "0 did you mean x." L, 60), 0);
	size_t whole = lab.reply_bytes, length = lab_query(query, name, TYPE_A, CLASS_IN, 1232);
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct packet in = {query, length, (struct sockaddr *)&from, RESPOND_UDP};
	size_t bytes;
	assert_int_equal(respond(&lab.responder, &in, reply, whole - 1, &bytes), RESPOND_REPLY);
	assert_int_equal(bytes, whole - 159); /* the code stays */
	assert_int_equal(respond(&lab.responder, &in, reply, whole - 160, &bytes), RESPOND_REPLY);
	assert_int_equal(bytes, whole - 159 - 6);
	assert_int_equal(reply[3] & FLAG_RCODE, RCODE_NXDOMAIN);
}

/* A search looks at so many names at most, forgets those that went, and is made only so often. */
static void searches_are_bounded(void **state)
{
	const char *none = "0 no Service names-7 in namespace many",
		   *found = "0 did you mean name-7.many.svc.cluster.local";
	struct service *last = NULL;
	char name[32];

	(void)state;
	lab.responder.searches = (struct similar_budget){0};
	for (unsigned i = 0; i <= SIMILAR_NAMES_MAX; i++) {
		snprintf(name, sizeof name, "name-%u", i);
		last = lab_cluster_ip("many", name, "10.97.0.1", "http:tcp:80", "");
		lab_put(&lab, last);
	}
	assert_string_equal(said("names-7.many.svc.cluster.local", TYPE_A, CLASS_IN, 1232, RESPOND_UDP), none);
	zone_replace(lab.zone, last, NULL);
	assert_string_equal(said("names-7.many.svc.cluster.local", TYPE_A, CLASS_IN, 1232, RESPOND_UDP), found);
	assert_string_equal(said("name-2566.many.svc.cluster.local", TYPE_A, CLASS_IN, 1232, RESPOND_UDP),
			    "0 no Service name-2566 in namespace many");

	lab.responder.searches.spent_until_ns = clock_ns() + 3600 * UINT64_C(1000000000); /* spent */
	assert_string_equal(said("names-7.many.svc.cluster.local", TYPE_A, CLASS_IN, 1232, RESPOND_UDP), none);
	lab.responder.searches = (struct similar_budget){0};
}

static void budget(void **state)
{
	struct similar_budget b = {0};
	const uint64_t start_ns = UINT64_C(1000000000000), each_ns = 1000000000 / SIMILAR_PER_S;

	(void)state;
	for (unsigned i = 0; i < SIMILAR_BURST; i++)
		assert_true(similar_allowed(&b, start_ns));
	assert_false(similar_allowed(&b, start_ns));
	assert_false(similar_allowed(&b, start_ns + each_ns - 1));
	assert_true(similar_allowed(&b, start_ns + each_ns));
	assert_false(similar_allowed(&b, start_ns + each_ns));
}

/* A stranger is refused names outside, and told what to change where the reply has room for it. */
static void strangers(void **state)
{
	struct clients *none = clients_new();

	(void)state;
	lab.config.clients = none;
	assert_string_equal(said("www.example.test", TYPE_A, CLASS_IN, 1232, RESPOND_TCP),
			    "18 names outside the cluster are answered to --dns-allow only");
	assert_string_equal(said("www.example.test", TYPE_A, CLASS_IN, 1232, RESPOND_UDP), "18 ");
	assert_string_equal(said("cluster.local", TYPE_AXFR, CLASS_IN, 1232, RESPOND_TCP),
			    "18 transfers need TCP and a client in --dns-transfer");
	lab.config.clients = NULL;
	clients_free(none);
}

static const char *said_away(const char *name, unsigned edns_bytes, unsigned away_s)
{
	zone_away_set(lab.zone, clock_ms() - away_s * UINT64_C(1000) - 1);
	const char *text = said(name, TYPE_A, CLASS_IN, edns_bytes, RESPOND_UDP);
	zone_away_set(lab.zone, 0);
	return text;
}

static void api_server_away(void **state)
{
	(void)state;
	assert_string_equal(said_away("web" S, 1232, 20), "");
	assert_string_equal(said_away("web" S, 1232, 312), "3 API server unreachable for 5m12s");
	assert_string_equal(said_away("web" S, 0, 312), "");
	assert_string_equal(said_away("web" S, 1232, 45), "3 API server unreachable for 45s");
	assert_string_equal(said_away("web" S, 1232, 7500), "3 API server unreachable for 2h5m");
	assert_string_equal(said_away("web" S, 1232, 270000), "3 API server unreachable for 3d3h");
	assert_string_equal(said_away("1.0.96.10.in-addr.arpa", 1232, 45), "3 API server unreachable for 45s");
	assert_string_equal(said_away("nope" S, 1232, 312),
			    "3 API server unreachable for 5m12s; no Service nope in namespace other");
	assert_string_equal(said_away("idle" S, 1232, 312),
			    "3 API server unreachable for 5m12s; 0 of 0 endpoints ready: connections are refused");
	assert_int_equal(strncmp(said_away("www.example.test", 1232, 312), "20 name is outside", 18), 0);
	assert_string_equal(said("web" S, TYPE_A, CLASS_IN, 1232, RESPOND_UDP), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reasons),  cmocka_unit_test(nothing_is_said_about_records),
					   cmocka_unit_test(bounded),  cmocka_unit_test(searches_are_bounded),
					   cmocka_unit_test(budget),   cmocka_unit_test(api_server_away),
					   cmocka_unit_test(strangers)};

	return cmocka_run_group_tests(tests, fill, empty);
}
