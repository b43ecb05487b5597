/* The OPT record of replies (RFC 6891): NSID, cookies, TCP keepalive, extended errors. Any thread. */
#ifndef DNS_WIRE_EDNS_H
#define DNS_WIRE_EDNS_H

#include <sys/socket.h>

#include "dns/wire/query.h"
#include "dns/wire/record.h"
#include "dns/wire/siphash.h"

#define NSID_BYTES_MAX 63

struct edns_config {
	uint8_t cookie_key[SIPHASH_KEY_BYTES]; /* random, made at start */
	char nsid[NSID_BYTES_MAX + 1];	       /* "" = not told */
	uint32_t tcp_idle_ms;		       /* told to TCP clients that ask (RFC 7828) */
};

/* Bytes that edns_write will need for q without an extended error; 0 when the query had no OPT. */
size_t edns_bytes(const struct edns_config *c, const struct query *q, bool tcp);

/*
 * Writes the OPT record behind everything else. What does not fit is left out: first the extended error's text, then
 * the error. from: the client, a sockaddr_in or sockaddr_in6.
 */
void edns_write(const struct edns_config *c, const struct query *q, const struct sockaddr *from, bool tcp,
		struct reply *r);

/* The 16 bytes of a server cookie (RFC 9018 4): version, reserved, time, hash. */
void edns_cookie(const uint8_t key[SIPHASH_KEY_BYTES], const uint8_t client[COOKIE_CLIENT_BYTES],
		 const struct sockaddr *from, uint32_t now_s, uint8_t cookie[COOKIE_SERVER_BYTES]);

/* Does the query show a cookie of ours that its sender got in the last hour (RFC 9018 4.3)? */
bool edns_cookie_valid(const uint8_t key[SIPHASH_KEY_BYTES], const struct query *q, const struct sockaddr *from,
		       uint32_t now_s);

#endif
