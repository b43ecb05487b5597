/*
 * Demands of RFCs on replies, checked over many questions at once; docs/dns-conformance.md says which test shows what.
 * Replies are read by ldns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "tests/unit/dns_lab.h"

#define S ".default.svc.cluster.local"

static struct lab lab;
static uint8_t query[2048];

static const char *const names[] = {
	"cluster.local",
	"svc.cluster.local",
	"pod.cluster.local",
	"default.svc.cluster.local",
	"nowhere.svc.cluster.local",
	"default.pod.cluster.local",
	"10-0-0-1.default.pod.cluster.local",
	"x.default.pod.cluster.local",
	"dns-version.cluster.local",
	"dns.cluster.local",
	"ns.dns.cluster.local",
	"nx.cluster.local",
	"web" S,
	"_http._tcp.web" S,
	"_tcp.web" S,
	"_udp.web" S,
	"a.web" S,
	"_nx._tcp.web" S,
	"three" S,
	"one.three" S,
	"_http._tcp.three" S,
	"_tcp.three" S,
	"big" S,
	"gone" S,
	"x.gone" S,
	"alias" S,
	"outside" S,
	"x.alias" S,
	"nx" S,
	"a.b.c.nx" S,
	"1.0.96.10.in-addr.arpa",
	"0.96.10.in-addr.arpa",
	"2.0.0.10.in-addr.arpa",
};
#define NAMES (sizeof names / sizeof *names)

static const unsigned types[] = {TYPE_A,  TYPE_AAAA, TYPE_SRV, TYPE_PTR, TYPE_NS,    TYPE_SOA,
				 TYPE_MX, TYPE_TXT,  TYPE_ANY, TYPE_DS,	 TYPE_CNAME, 65280};
#define TYPES (sizeof types / sizeof *types)

static int fill(void **state)
{

	(void)state;
	lab_init(&lab);
	lab_put(&lab, lab_cluster_ip("default", "web", "10.96.0.1 fd00:96::1", "dns:udp:53 http:tcp:80", "a=10.0.0.9"));
	lab_put(&lab, lab_headless("default", "three", "dns:udp:53 http:tcp:80",
				   "one=10.0.0.1 one=fd00::1 10.0.0.2 10.0.0.3", 0));
	lab_put(&lab, lab_headless("default", "gone", "http:tcp:80", "", 3));
	lab_put(&lab, lab_external("default", "alias", "three.default.svc.cluster.local"));
	lab_put(&lab, lab_external("default", "outside", "www.example.com"));
	lab_put(&lab, lab_big(100));
	zone_server_addrs_set(lab.zone, (struct addr[]){{AF_INET, {10, 96, 0, 10}}}, 1);
	return 0;
}

static int empty(void **state)
{
	(void)state;
	lab_fini(&lab);
	return 0;
}

static ldns_pkt *ask(const char *name, unsigned type, unsigned edns, enum respond_proto proto)
{
	ldns_pkt *p = NULL;

	lab_send(&lab, query, lab_query(query, name, type, CLASS_IN, edns), proto);
	assert_int_equal(ldns_wire2pkt(&p, lab.reply, lab.reply_bytes), LDNS_STATUS_OK);
	return p;
}

/* Calls `check` with the reply to every name and type, over UDP with 512, 1232 bytes and TCP. */
static void each_reply(void (*check)(const ldns_pkt *p, const char *name, unsigned type))
{
	for (size_t n = 0; n < NAMES; n++)
		for (size_t t = 0; t < TYPES; t++)
			for (unsigned way = 0; way < 3; way++) {
				ldns_pkt *p = ask(names[n], types[t], way == 1 ? 1232 : 0,
						  way == 2 ? RESPOND_TCP : RESPOND_UDP);
				check(p, names[n], types[t]);
				ldns_pkt_free(p);
			}
}

/* ---- header ---- */

/* RFC 1035 4.1.1: Z, whatever the query says in its place; AD and CD as RFC 4035 3.1.6, 3.2.2 have them. */
static void reserved_bits_are_zero(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 256; bits++) {
		size_t length = lab_query(query, "web" S, TYPE_A, CLASS_IN, 1232);
		query[3] = (uint8_t)bits;
		lab_send(&lab, query, length, RESPOND_UDP);
		assert_int_equal(lab_flags(&lab) & 0x0040, 0);
		assert_int_equal(lab_flags(&lab) & FLAG_AD, 0); /* nothing was validated */
		assert_int_equal(lab_flags(&lab) & FLAG_CD, bits & FLAG_CD);
		assert_int_equal(lab_rcode(&lab), RCODE_NOERROR);
	}
}

/* ---- records ---- */

static void check_rrsets(const ldns_pkt *p, const char *name, unsigned type)
{
	const ldns_rr_list *answer = ldns_pkt_answer(p);

	(void)name, (void)type;
	for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++)
		for (size_t k = 0; k < i; k++) {
			const ldns_rr *a = ldns_rr_list_rr(answer, i), *b = ldns_rr_list_rr(answer, k);
			if (ldns_rr_get_type(a) != ldns_rr_get_type(b) ||
			    ldns_dname_compare(ldns_rr_owner(a), ldns_rr_owner(b)) != 0)
				continue;
			assert_int_not_equal(ldns_rr_compare(a, b), 0);
			assert_int_equal(ldns_rr_ttl(a), ldns_rr_ttl(b));
		}
}

/* RFC 2181 5: no record twice, one TTL; all of a set, or TC. */
static void rrsets_are_whole(void **state)
{
	(void)state;
	each_reply(check_rrsets);
	for (size_t n = 0; n < NAMES; n++)
		for (size_t t = 0; t < TYPES; t++) {
			ldns_pkt *udp = ask(names[n], types[t], 0, RESPOND_UDP);
			ldns_pkt *tcp = ask(names[n], types[t], 0, RESPOND_TCP);
			bool all = ldns_pkt_ancount(udp) == ldns_pkt_ancount(tcp);
			assert_int_equal(ldns_pkt_tc(udp), !all);
			assert_false(ldns_pkt_tc(tcp));
			ldns_pkt_free(udp);
			ldns_pkt_free(tcp);
		}
}

/* RFC 2181 9: SRV records fit, the addresses of their targets do not. */
static void glue_goes_without_tc(void **state)
{
	(void)state;
	ldns_pkt *whole = ask("_http._tcp.three" S, TYPE_SRV, 0, RESPOND_TCP);
	size_t records = ldns_pkt_ancount(whole), glue = ldns_pkt_arcount(whole), without = 0;
	ldns_pkt_free(whole);
	assert_true(records == 3 && glue == 4);
	for (unsigned size = 0; size < 300; size++) {
		uint8_t out[512];
		struct sockaddr_storage from = {.ss_family = AF_INET};
		size_t length = lab_query(query, "_http._tcp.three" S, TYPE_SRV, CLASS_IN, 0), bytes;
		struct packet in = {query, length, (struct sockaddr *)&from, RESPOND_UDP};
		respond(&lab.responder, &in, out, length + size, &bytes);
		bool fits = wire_get16(out + 6) == records;
		assert_int_equal((wire_get16(out + 2) & FLAG_TC) != 0, !fits);
		without += fits && wire_get16(out + 10) < glue;
	}
	assert_true(without > 0);
}

static void check_aliases(const ldns_pkt *p, const char *name, unsigned type)
{
	ldns_rr_list *all = ldns_pkt_get_section_clone(p, LDNS_SECTION_ANY_NOQUESTION);

	for (size_t i = 0; i < ldns_rr_list_rr_count(all); i++) {
		const ldns_rr *alias = ldns_rr_list_rr(all, i);
		for (size_t k = 0; k < ldns_rr_list_rr_count(all) && ldns_rr_get_type(alias) == LDNS_RR_TYPE_CNAME; k++)
			if (k != i &&
			    ldns_dname_compare(ldns_rr_owner(alias), ldns_rr_owner(ldns_rr_list_rr(all, k))) == 0)
				fail_msg("%s %u: data beside a CNAME", name, type);
	}
	ldns_rr_list_deep_free(all);
}

/* RFC 2181 10.1 */
static void aliases_stand_alone(void **state)
{
	(void)state;
	each_reply(check_aliases);
	ldns_pkt *p = ask("alias" S, TYPE_A, 0, RESPOND_UDP);
	assert_int_equal(ldns_pkt_ancount(p), 4); /* the CNAME and where it leads */
	ldns_pkt_free(p);
}

static unsigned negative_seen;

/* No record of the asked type at the end of the chain of CNAMEs. */
static void check_negative(const ldns_pkt *p, const char *name, unsigned type)
{
	const ldns_rr_list *authority = ldns_pkt_authority(p), *answer = ldns_pkt_answer(p);
	size_t answers = ldns_rr_list_rr_count(answer);
	bool negative = ldns_pkt_get_rcode(p) == LDNS_RCODE_NXDOMAIN || answers == 0;

	if (ldns_pkt_tc(p) || ldns_pkt_get_rcode(p) == LDNS_RCODE_REFUSED)
		return;
	if (!negative) {
		for (size_t i = 0; i < answers; i++)
			assert_int_not_equal(ldns_rr_list_rr_count(authority) > 0 && type != TYPE_CNAME &&
						     ldns_rr_get_type(ldns_rr_list_rr(answer, i)) != LDNS_RR_TYPE_CNAME,
					     1);
		return;
	}
	ldns_rdf *asked = ldns_dname_new_frm_str(name);
	assert_int_equal(ldns_rr_list_rr_count(authority), 1);
	const ldns_rr *soa = ldns_rr_list_rr(authority, 0);
	assert_int_equal(ldns_rr_get_type(soa), LDNS_RR_TYPE_SOA);
	assert_int_equal(ldns_rr_ttl(soa), ldns_rdf2native_int32(ldns_rr_rdf(soa, 6))); /* MINIMUM */
	assert_true(ldns_pkt_aa(p));
	assert_true(ldns_dname_compare(asked, ldns_rr_owner(soa)) == 0 ||
		    ldns_dname_is_subdomain(asked, ldns_rr_owner(soa)));
	ldns_rdf_deep_free(asked);
	negative_seen++;
}

/* RFC 2308 3 */
static void negative_answers_have_their_soa(void **state)
{
	(void)state;
	negative_seen = 0;
	each_reply(check_negative);
	assert_true(negative_seen > 300);
}

/* ---- types ---- */

/* RFC 3597 2: all types; of other classes there is nothing. */
static void unknown_types_and_classes(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 65536; type += type < 300 ? 1 : 97) {
		if (type == TYPE_OPT)
			continue;
		lab_send(&lab, query, lab_query(query, "web" S, type, CLASS_IN, 0), RESPOND_UDP);
		unsigned expected = type == TYPE_AXFR || type == TYPE_IXFR ? RCODE_REFUSED : RCODE_NOERROR;
		assert_int_equal(lab_rcode(&lab), expected);
		lab_send(&lab, query, lab_query(query, "nx" S, type, CLASS_IN, 0), RESPOND_UDP);
		assert_int_equal(lab_rcode(&lab), expected == RCODE_NOERROR ? RCODE_NXDOMAIN : expected);
	}
	for (unsigned class = 0; class < 65536; class += class < 300 ? 1 : 97) {
		lab_send(&lab, query, lab_query(query, "web" S, TYPE_A, class, 0), RESPOND_UDP);
		assert_int_equal(lab_rcode(&lab), class == CLASS_IN ? RCODE_NOERROR : RCODE_REFUSED);
	}
}

/* RFC 8482 4.2, 4.3 */
static void any_gets_hinfo(void **state)
{
	static const char *const with_records[] = {"web" S,	    "three" S,		"one.three" S,
						   "cluster.local", "_http._tcp.web" S, "1.0.96.10.in-addr.arpa"};
	static const char hinfo[] = "\7RFC8482"; /* and an empty text */

	(void)state;
	for (size_t i = 0; i < sizeof with_records / sizeof *with_records; i++)
		for (enum respond_proto proto = RESPOND_UDP; proto <= RESPOND_TCP; proto++) {
			ldns_pkt *p = ask(with_records[i], TYPE_ANY, 0, proto);
			assert_int_equal(ldns_pkt_ancount(p), 1);
			assert_int_equal(ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_answer(p), 0)), LDNS_RR_TYPE_HINFO);
			assert_memory_equal(lab.reply + lab.reply_bytes - sizeof hinfo, hinfo, sizeof hinfo);
			ldns_pkt_free(p);
		}
	assert_string_equal(lab_ask(&lab, "nx" S, "ANY"), "NXDOMAIN aa: / cluster.local. SOA /");
	assert_string_equal(lab_ask(&lab, "svc.cluster.local", "ANY"), "NOERROR aa: / cluster.local. SOA /");
}

/* ---- existence ---- */

static unsigned rcode_of(const char *name)
{
	lab_send(&lab, query, lab_query(query, name, TYPE_A, CLASS_IN, 0), RESPOND_TCP);
	return lab_rcode(&lab);
}

/* RFC 8020 2, both ways. */
static void nothing_below_nxdomain(void **state)
{
	char below[300];

	(void)state;
	for (size_t n = 0; n < NAMES; n++) {
		if (rcode_of(names[n]) == RCODE_NXDOMAIN) {
			snprintf(below, sizeof below, "x.%s", names[n]);
			assert_int_equal(rcode_of(below), RCODE_NXDOMAIN);
			snprintf(below, sizeof below, "_http._tcp.%s", names[n]);
			assert_int_equal(rcode_of(below), RCODE_NXDOMAIN);
			continue;
		}
		for (const char *above = names[n]; (above = strchr(above, '.')) != NULL;)
			if (strstr(++above, "cluster.local") != NULL)
				assert_int_not_equal(rcode_of(above), RCODE_NXDOMAIN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reserved_bits_are_zero),
		cmocka_unit_test(rrsets_are_whole),
		cmocka_unit_test(glue_goes_without_tc),
		cmocka_unit_test(aliases_stand_alone),
		cmocka_unit_test(negative_answers_have_their_soa),
		cmocka_unit_test(unknown_types_and_classes),
		cmocka_unit_test(any_gets_hinfo),
		cmocka_unit_test(nothing_below_nxdomain),
	};

	return cmocka_run_group_tests(tests, fill, empty);
}
