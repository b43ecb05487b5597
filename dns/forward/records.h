/*
 * The records of one answer in wire form, without header, question and OPT: what an upstream said, as it is cached and
 * as it is written into replies. Compression pointers count from the start of a message whose question has the asked
 * name at offset 12, so the bytes fit behind every question for that name. A value that borrows its bytes. Any thread.
 */
#ifndef DNS_FORWARD_RECORDS_H
#define DNS_FORWARD_RECORDS_H

#include "dns/wire/record.h"

#define RECORDS_EDE_TEXT_BYTES 63

struct records {
	uint16_t rcode; /* without the bits that only OPT carries */
	bool authentic; /* AD of the upstream, where its word counts */
	uint16_t answers, authorities, additionals;
	const uint16_t *ttl_at; /* offsets in `bytes` of the TTL fields, one a record */
	const uint8_t *bytes;
	uint16_t length;
	int16_t ede; /* EDE_NONE, or what the upstream said (RFC 8914) */
	uint8_t ede_text_bytes;
	const char *ede_text;
};

/* The TTL that records_write gives the first record; 0: there is none. */
uint32_t records_first_ttl(const struct records *from, uint32_t age_s, uint32_t ttl_max_s);

/* SERVFAIL that says why; the text is borrowed, at most RECORDS_EDE_TEXT_BYTES. */
struct records records_failure(const char *text, enum ede ede);

/*
 * Appends what fits, whole records, and sets rcode and EDE. TTLs are lowered by age_s and then to ttl_max_s. Records
 * of the answer and authority sections that do not fit set TC; additional ones are left out.
 */
void records_write(struct reply *r, const struct records *from, uint32_t age_s, uint32_t ttl_max_s);

#endif
