/*
 * Messages of `fairlead query`: a question as a stub resolver sends it, and what a reply says, as text. ldns reads and
 * prints, so that a fault of the server's own code cannot hide itself. Pure; any thread.
 */
#ifndef CLI_QUERY_MESSAGE_H
#define CLI_QUERY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "dns/resolver/search.h"

#define QUERY_BYTES_MAX 512

/* The type's number for "AAAA" or "TYPE28", any case; 0: no type. */
unsigned query_type(const char *text);
const char *query_type_name(unsigned type, char text[16]);

/*
 * RD is set, and EDNS says `udp_bytes`: without EDNS a server cannot send its reason (RFC 8914). Returns the length; 0:
 * `name` is no domain name.
 */
size_t query_make(uint8_t to[QUERY_BYTES_MAX], const char *name, unsigned type, unsigned udp_bytes, uint16_t id);

/*
 * Whether `message` answers `query`. If so, `*outcome` says what it means to a resolver, and `text` grows by the line
 * "RCODE, N records" and a line for each record of the answer and each EDE. What a server sent is escaped.
 */
bool query_reply_read(const uint8_t *message, size_t length, const uint8_t *query, size_t query_bytes,
		      enum outcome *outcome, struct buf *text);

#endif
