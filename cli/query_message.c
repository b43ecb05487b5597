/* Messages of `fairlead query`, by ldns. */
#include "cli/query_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "base/mem.h"
#include "base/text.h"

unsigned query_type(const char *text)
{
	return ldns_get_rr_type_by_name(text);
}

const char *query_type_name(unsigned type, char text[16])
{
	char *name = mem_made(ldns_rr_type2str((ldns_rr_type)type));

	snprintf(text, 16, "%s", name);
	free(name);
	return text;
}

size_t query_make(uint8_t to[QUERY_BYTES_MAX], const char *name, unsigned type, unsigned udp_bytes, uint16_t id)
{
	ldns_rdf *owner = ldns_dname_new_frm_str(name);
	uint8_t *wire = NULL;
	size_t length = 0;

	if (owner == NULL)
		return 0;
	ldns_pkt *p = mem_made(ldns_pkt_query_new(owner, (ldns_rr_type)type, LDNS_RR_CLASS_IN, LDNS_RD));
	ldns_pkt_set_id(p, id);
	ldns_pkt_set_edns_udp_size(p, (uint16_t)udp_bytes);
	if (ldns_pkt2wire(&wire, p, &length) != LDNS_STATUS_OK || length > QUERY_BYTES_MAX)
		length = 0;
	memcpy(to, wire, length);
	free(wire);
	ldns_pkt_free(p);
	return length;
}

/* A server that cannot read a question may leave it out of its reply. */
static bool answers(const ldns_pkt *reply, const ldns_pkt *query)
{
	if (!ldns_pkt_qr(reply) || ldns_pkt_id(reply) != ldns_pkt_id(query))
		return false;
	if (ldns_pkt_qdcount(reply) == 0)
		return ldns_pkt_get_rcode(reply) != LDNS_RCODE_NOERROR;
	const ldns_rr *got = ldns_rr_list_rr(ldns_pkt_question(reply), 0);
	const ldns_rr *asked = ldns_rr_list_rr(ldns_pkt_question(query), 0);
	return ldns_rr_get_type(got) == ldns_rr_get_type(asked) &&
	       ldns_dname_compare(ldns_rr_owner(got), ldns_rr_owner(asked)) == 0;
}

static bool holds(const ldns_rr_list *list, ldns_rr_type type)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++)
		if (type == LDNS_RR_TYPE_ANY || ldns_rr_get_type(ldns_rr_list_rr(list, i)) == type)
			return true;
	return false;
}

static enum outcome without_data(const ldns_pkt *p)
{
	bool referral = !ldns_pkt_aa(p) && !ldns_pkt_ra(p) && !holds(ldns_pkt_authority(p), LDNS_RR_TYPE_SOA);

	return referral && ldns_pkt_ancount(p) == 0 ? OUTCOME_LAME : OUTCOME_NODATA;
}

static enum outcome outcome_of(const ldns_pkt *p, ldns_rr_type type)
{
	if (ldns_pkt_tc(p))
		return OUTCOME_TRUNCATED;
	switch (ldns_pkt_get_rcode(p)) {
	case LDNS_RCODE_NOERROR:
		return holds(ldns_pkt_answer(p), type) ? OUTCOME_DATA : without_data(p);
	case LDNS_RCODE_NXDOMAIN:
		return OUTCOME_NXDOMAIN;
	case LDNS_RCODE_NOTIMPL:
		return OUTCOME_NOTIMP;
	case LDNS_RCODE_REFUSED:
		return OUTCOME_REFUSED;
	default:
		return OUTCOME_SERVFAIL;
	}
}

static void add_records(struct buf *text, const ldns_rr_list *list)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		char *line = ldns_rr2str(ldns_rr_list_rr(list, i));
		if (line == NULL) { /* data that its type does not allow */
			buf_printf(text, "     a record of type %u that cannot be printed\n",
				   (unsigned)ldns_rr_get_type(ldns_rr_list_rr(list, i)));
			continue;
		}
		for (char *tab = strchr(line, '\t'); tab != NULL; tab = strchr(tab, '\t'))
			*tab = ' ';
		buf_puts(text, "     ");
		buf_add_escaped(text, line, strcspn(line, "\n"), false);
		buf_puts(text, "\n");
		free(line);
	}
}

/* RFC 8914 4 and IANA's list */
static const char *ede_name(unsigned code)
{
	static const char *const names[] = {"Other",
					    "Unsupported DNSKEY Algorithm",
					    "Unsupported DS Digest Type",
					    "Stale Answer",
					    "Forged Answer",
					    "DNSSEC Indeterminate",
					    "DNSSEC Bogus",
					    "Signature Expired",
					    "Signature Not Yet Valid",
					    "DNSKEY Missing",
					    "RRSIGs Missing",
					    "No Zone Key Bit Set",
					    "NSEC Missing",
					    "Cached Error",
					    "Not Ready",
					    "Blocked",
					    "Censored",
					    "Filtered",
					    "Prohibited",
					    "Stale NXDOMAIN Answer",
					    "Not Authoritative",
					    "Not Supported",
					    "No Reachable Authority",
					    "Network Error",
					    "Invalid Data"};

	return code < sizeof names / sizeof names[0] ? names[code] : "unknown code";
}

static void add_ede(struct buf *text, ldns_pkt *p)
{
	ldns_edns_option_list *list = ldns_pkt_edns_get_option_list(p);

	for (size_t i = 0; list != NULL && i < ldns_edns_option_list_get_count(list); i++) {
		ldns_edns_option *o = ldns_edns_option_list_get_option(list, i);
		size_t length = ldns_edns_get_size(o);
		const uint8_t *data = ldns_edns_get_data(o);
		if (ldns_edns_get_code(o) != LDNS_EDNS_EDE || length < 2)
			continue;
		unsigned code = (unsigned)data[0] << 8 | data[1];
		buf_printf(text, "     EDE %u (%s)%s", code, ede_name(code), length > 2 ? ": " : "");
		buf_add_escaped(text, (const char *)data + 2, length - 2, false);
		buf_puts(text, "\n");
	}
}

static void describe(ldns_pkt *p, struct buf *text)
{
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(p));
	unsigned count = ldns_pkt_ancount(p);

	if (rcode != NULL)
		buf_printf(text, "%s, ", rcode);
	else
		buf_printf(text, "RCODE%u, ", (unsigned)ldns_pkt_get_rcode(p));
	buf_printf(text, count == 0 ? "no records" : count == 1 ? "%u record" : "%u records", count);
	buf_puts(text, ldns_pkt_tc(p) ? ", truncated\n" : "\n");
	add_records(text, ldns_pkt_answer(p));
	add_ede(text, p);
	free(rcode);
}

bool query_reply_read(const uint8_t *message, size_t length, const uint8_t *query, size_t query_bytes,
		      enum outcome *outcome, struct buf *text)
{
	ldns_pkt *reply = NULL, *asked = NULL;
	bool good = ldns_wire2pkt(&asked, query, query_bytes) == LDNS_STATUS_OK &&
		    ldns_wire2pkt(&reply, message, length) == LDNS_STATUS_OK && answers(reply, asked);

	if (good) {
		*outcome = outcome_of(reply, ldns_rr_get_type(ldns_rr_list_rr(ldns_pkt_question(asked), 0)));
		describe(reply, text);
	}
	ldns_pkt_free(reply);
	ldns_pkt_free(asked);
	return good;
}
