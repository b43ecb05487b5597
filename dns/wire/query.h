/*
 * A DNS query as received: header, one question, and the EDNS options that we serve. Pure parsing, any thread; the
 * result borrows the message.
 */
#ifndef DNS_WIRE_QUERY_H
#define DNS_WIRE_QUERY_H

#include "dns/wire/name.h"
#include "dns/wire/wire.h"

enum edns_option { OPTION_NSID = 3, OPTION_COOKIE = 10, OPTION_KEEPALIVE = 11, OPTION_EDE = 15 };

#define COOKIE_CLIENT_BYTES 8
#define COOKIE_SERVER_BYTES 16 /* ours (RFC 9018); others may send 8 to 32 */
#define COOKIE_BYTES_MAX 40

struct query {
	uint16_t id, flags;
	struct name name;
	uint16_t type, class;
	size_t question_end; /* offset behind the question; of the header where there is none */
	bool edns;
	uint8_t edns_version;
	bool dnssec_ok;
	bool nsid;
	uint16_t udp_bytes;    /* what the client can take, ≥ 512 */
	uint8_t cookie_bytes;  /* 0 = none */
	const uint8_t *cookie; /* in the message */
	bool keepalive;	       /* edns-tcp-keepalive (RFC 7828) was sent */
};

enum query_result {
	QUERY_OK,
	QUERY_COOKIE,	   /* without a question: asks for a server cookie (RFC 7873 5.4) */
	QUERY_DROP,	   /* no header, or a response: never answered */
	QUERY_NO_QUESTION, /* FORMERR without echo: question count is not 1, or the question cannot be read */
	QUERY_FORMERR,	   /* the question is good, what follows is not */
	QUERY_NOTIMP	   /* another opcode */
};

/* Fields up to the first failure are set; id and flags whenever the result is not QUERY_DROP. */
enum query_result query_parse(struct query *q, const uint8_t *message, size_t message_bytes);

#endif
