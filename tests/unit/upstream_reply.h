/* For tests of the forwarder: replies as an upstream would send them, built and printed by ldns, not by our code. */
#ifndef TESTS_UPSTREAM_REPLY_H
#define TESTS_UPSTREAM_REPLY_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "dns/forward/message.h"

struct reply_text {
	const char *name;
	ldns_rr_type type;
	ldns_pkt_rcode rcode;
	const char *answer, *authority, *additional; /* records as in zone files, ended by ";"; NULL: none */
};

static inline void reply_section(ldns_pkt *p, ldns_pkt_section section, const char *records)
{
	char line[512];

	while (records != NULL && *records != '\0') {
		size_t length = strcspn(records, ";");
		ldns_rr *rr = NULL;
		snprintf(line, sizeof line, "%.*s", (int)length, records);
		ldns_status status = ldns_rr_new_frm_str(&rr, line, 60, NULL, NULL);
		if (status != LDNS_STATUS_OK)
			fprintf(stderr, "%s: %s\n", line, ldns_get_errorstr_by_id(status));
		assert(status == LDNS_STATUS_OK);
		ldns_pkt_push_rr(p, section, rr);
		records += length + (records[length] == ';');
		records += strspn(records, " ");
	}
}

/* Returns the length of what it wrote; the id is 7. */
static inline size_t reply_build(uint8_t *to, const struct reply_text *t)
{
	ldns_pkt *p = ldns_pkt_query_new(ldns_dname_new_frm_str(t->name), t->type, LDNS_RR_CLASS_IN,
					 LDNS_QR | LDNS_RD | LDNS_RA);
	uint8_t *wire;
	size_t length;

	ldns_pkt_set_id(p, 7);
	ldns_pkt_set_rcode(p, (uint8_t)t->rcode);
	reply_section(p, LDNS_SECTION_ANSWER, t->answer);
	reply_section(p, LDNS_SECTION_AUTHORITY, t->authority);
	reply_section(p, LDNS_SECTION_ADDITIONAL, t->additional);
	ldns_status status = ldns_pkt2wire(&wire, p, &length);
	assert(status == LDNS_STATUS_OK);
	memcpy(to, wire, length);
	free(wire);
	ldns_pkt_free(p);
	return length;
}

static inline struct question question_make(const char *name, unsigned type)
{
	struct question q = {.type = (uint16_t)type};
	size_t length = name_encode(q.bytes, name);

	assert(length > 0);
	wire_put16(q.bytes + length, type);
	wire_put16(q.bytes + length + 2, CLASS_IN);
	q.length = length + 4;
	return q;
}

static inline void line_section(char *line, size_t room, const char *lead, const ldns_rr_list *rrs)
{
	if (lead != NULL)
		snprintf(line + strlen(line), room - strlen(line), "%s", lead);
	for (size_t i = 0; i < ldns_rr_list_rr_count(rrs); i++) {
		char *text = ldns_rr2str(ldns_rr_list_rr(rrs, i));
		text[strcspn(text, "\n")] = '\0';
		for (char *p = text; *p != '\0'; p++)
			*p = *p == '\t' ? ' ' : *p;
		snprintf(line + strlen(line), room - strlen(line), "%s%s", i > 0 ? ", " : "", text);
		free(text);
	}
}

/* "RCODE tc: answers / authority / additional" of a whole message. */
static inline const char *reply_line(const uint8_t *message, size_t length)
{
	static char line[65536];
	ldns_pkt *p = NULL;
	ldns_status status = ldns_wire2pkt(&p, message, length);

	if (status != LDNS_STATUS_OK)
		fprintf(stderr, "%s\n", ldns_get_errorstr_by_id(status));
	assert(status == LDNS_STATUS_OK);
	char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(p));
	snprintf(line, sizeof line, "%s%s: ", rcode, ldns_pkt_tc(p) ? " tc" : "");
	free(rcode);
	line_section(line, sizeof line, NULL, ldns_pkt_answer(p));
	line_section(line, sizeof line, " / ", ldns_pkt_authority(p));
	line_section(line, sizeof line, " / ", ldns_pkt_additional(p));
	ldns_pkt_free(p);
	return line;
}

/* A reply to `name` in the case given, made of `records`, at most `limit` bytes. */
static inline const char *records_line(const struct question *q, const struct records *records, uint32_t age_s,
				       uint32_t ttl_max_s, size_t limit)
{
	static uint8_t message[WIRE_MESSAGE_BYTES];
	struct reply r = {.w = {message, WIRE_HEADER_BYTES + q->length, limit, false}, .ede = EDE_NONE};

	memcpy(message + WIRE_HEADER_BYTES, q->bytes, q->length);
	records_write(&r, records, age_s, ttl_max_s);
	memset(message, 0, WIRE_HEADER_BYTES);
	wire_put16(message + 2, FLAG_QR | (r.truncated ? FLAG_TC : 0U) | r.rcode);
	wire_put16(message + 4, 1);
	wire_put16(message + 6, r.answers);
	wire_put16(message + 8, r.authorities);
	wire_put16(message + 10, r.additionals);
	return reply_line(message, r.w.at);
}

#endif
