/*
 * Reads the reply of an upstream. It is checked against the question that was asked, and its records are written anew:
 * names compressed, OPT left out, records dropped that do not belong to the answer (another server's lie must not
 * reach a client). Pure; one struct message per thread.
 *
 * What is kept: in the answer section records of the asked name and of the names its CNAMEs lead to (and DNAME, RRSIG
 * above them); in the authority section SOA and DNSSEC proofs of a negative answer, and what the client needs to
 * validate; in the additional section addresses of names in kept records of MX, SRV, NS, SVCB and HTTPS answers.
 */
#ifndef DNS_FORWARD_MESSAGE_H
#define DNS_FORWARD_MESSAGE_H

#include "dns/forward/records.h"
#include "dns/wire/query.h"

#define MESSAGE_RECORDS_MAX 4096

/* The question as it went out: its bytes are header-less and uncompressed, in the case that was sent. */
struct question {
	uint8_t bytes[NAME_BYTES + 4]; /* name, type, class IN */
	size_t length;
	uint16_t type;
	bool dnssec_ok, checking_disabled;
};

enum message_result {
	MESSAGE_OK,
	MESSAGE_UNRELATED, /* not a reply to this question: ignored */
	MESSAGE_CASE,	   /* the right reply but for the case of the name */
	MESSAGE_BROKEN	   /* a reply that cannot be read */
};

enum message_kind { KIND_POSITIVE, KIND_NODATA, KIND_NXDOMAIN, KIND_OTHER };

struct message {
	uint16_t id, flags;
	unsigned rcode; /* with the bits of OPT */
	bool edns, soa; /* soa: a negative answer that says how long it holds */
	enum message_kind kind;
	uint8_t cookie_bytes, cookie[COOKIE_BYTES_MAX]; /* 0: none */
	uint32_t ttl_s;					/* lowest of the kept records; negative: as RFC 2308 5 says */
	struct records records;
	uint8_t ede_text[RECORDS_EDE_TEXT_BYTES];
	uint16_t ttl_at[MESSAGE_RECORDS_MAX];
	size_t records_at; /* where they start in bytes */
	uint8_t bytes[WIRE_MESSAGE_BYTES];
};

/* keep_case: the reply must carry the name exactly as it was sent. The id is the caller's to compare. */
enum message_result message_read(struct message *m, const uint8_t *wire, size_t length, const struct question *asked,
				 bool keep_case);

/*
 * Records that fit behind the question `asked`, written anew to fit behind `frame` instead: another question, and
 * records of it. False: they do not fit. wire is room for the work.
 */
bool message_move(struct message *m, const struct records *from, const struct question *asked, const uint8_t *frame,
		  size_t frame_bytes, uint8_t wire[WIRE_MESSAGE_BYTES]);

#endif
