/* Reads and writes EDNS options. */
#include "dns/wire/edns.h"

#include <netinet/in.h>
#include <string.h>
#include <time.h>

enum { OPT_BYTES = 11, OPTION_BYTES = 4, KEEPALIVE_BYTES = 2 };
enum { COOKIE_HEAD_BYTES = 8, COOKIE_VERSION = 1, COOKIE_AGE_S = 3600, COOKIE_AHEAD_S = 300 }; /* RFC 9018 4.2, 4.3 */

static bool tells_nsid(const struct edns_config *c, const struct query *q)
{
	return q->nsid && c->nsid[0] != '\0';
}

size_t edns_bytes(const struct edns_config *c, const struct query *q, bool tcp)
{
	if (!q->edns)
		return 0;
	return OPT_BYTES + (tells_nsid(c, q) ? OPTION_BYTES + strlen(c->nsid) : 0) +
	       (q->cookie_bytes > 0 ? OPTION_BYTES + COOKIE_CLIENT_BYTES + COOKIE_SERVER_BYTES : 0) +
	       (tcp && q->keepalive ? OPTION_BYTES + KEEPALIVE_BYTES : 0);
}

/* The second half of a server cookie, made of its first half and the client. */
static void cookie_hash(const uint8_t key[SIPHASH_KEY_BYTES], const uint8_t client[COOKIE_CLIENT_BYTES],
			const uint8_t head[COOKIE_HEAD_BYTES], const struct sockaddr *from, uint8_t to[8])
{
	uint8_t hashed[COOKIE_CLIENT_BYTES + COOKIE_HEAD_BYTES + 16];
	size_t addr_bytes = from->sa_family == AF_INET6 ? 16 : 4;

	memcpy(hashed, client, COOKIE_CLIENT_BYTES);
	memcpy(hashed + COOKIE_CLIENT_BYTES, head, COOKIE_HEAD_BYTES);
	if (addr_bytes == 16)
		memcpy(hashed + 16, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
	else
		memcpy(hashed + 16, &((const struct sockaddr_in *)from)->sin_addr, 4);
	uint64_t hash = siphash24(key, hashed, 16 + addr_bytes);
	for (unsigned i = 0; i < 8; i++)
		to[i] = (uint8_t)(hash >> (8 * i));
}

void edns_cookie(const uint8_t key[SIPHASH_KEY_BYTES], const uint8_t client[COOKIE_CLIENT_BYTES],
		 const struct sockaddr *from, uint32_t now_s, uint8_t cookie[COOKIE_SERVER_BYTES])
{
	memset(cookie, 0, COOKIE_HEAD_BYTES);
	cookie[0] = COOKIE_VERSION;
	wire_put32(cookie + 4, now_s);
	cookie_hash(key, client, cookie, from, cookie + COOKIE_HEAD_BYTES);
}

bool edns_cookie_valid(const uint8_t key[SIPHASH_KEY_BYTES], const struct query *q, const struct sockaddr *from,
		       uint32_t now_s)
{
	uint8_t hash[8], differ = 0;

	if (q->cookie_bytes != COOKIE_CLIENT_BYTES + COOKIE_SERVER_BYTES ||
	    q->cookie[COOKIE_CLIENT_BYTES] != COOKIE_VERSION)
		return false;
	const uint8_t *theirs = q->cookie + COOKIE_CLIENT_BYTES;
	int32_t age_s = (int32_t)(now_s - wire_get32(theirs + 4)); /* RFC 1982 arithmetic */
	if (age_s > COOKIE_AGE_S || age_s < -COOKIE_AHEAD_S)
		return false;
	cookie_hash(key, q->cookie, theirs, from, hash);
	for (unsigned i = 0; i < sizeof hash; i++) /* takes as long wherever they differ */
		differ |= hash[i] ^ theirs[COOKIE_HEAD_BYTES + i];
	return differ == 0;
}

/* A fresh cookie every time: no client has to ask again because its cookie is about to expire (RFC 9018 4.3). */
static void write_cookie(const struct edns_config *c, const struct query *q, const struct sockaddr *from,
			 struct writer *w)
{
	uint8_t cookie[COOKIE_SERVER_BYTES];

	edns_cookie(c->cookie_key, q->cookie, from, (uint32_t)time(NULL), cookie);
	writer_u16(w, OPTION_COOKIE);
	writer_u16(w, COOKIE_CLIENT_BYTES + COOKIE_SERVER_BYTES);
	writer_bytes(w, q->cookie, COOKIE_CLIENT_BYTES);
	writer_bytes(w, cookie, sizeof cookie);
}

static bool write_ede(const struct reply *r, unsigned text_bytes, struct writer *w)
{
	size_t mark = w->at;

	writer_u16(w, OPTION_EDE);
	writer_u16(w, 2U + text_bytes);
	writer_u16(w, (unsigned)r->ede);
	writer_bytes(w, r->ede_text, text_bytes);
	if (w->full)
		writer_back(w, mark);
	return w->at > mark;
}

void edns_write(const struct edns_config *c, const struct query *q, const struct sockaddr *from, bool tcp,
		struct reply *r)
{
	struct writer *w = &r->w;
	size_t start = w->at;

	writer_u8(w, 0);
	writer_u16(w, TYPE_OPT);
	writer_u16(w, WIRE_UDP_BYTES);
	writer_u8(w, r->rcode >> 4);
	writer_u8(w, 0);
	writer_u16(w, q->dnssec_ok ? 0x8000 : 0);
	writer_u16(w, 0);
	if (tells_nsid(c, q)) {
		writer_u16(w, OPTION_NSID);
		writer_u16(w, (unsigned)strlen(c->nsid));
		writer_bytes(w, c->nsid, strlen(c->nsid));
	}
	if (q->cookie_bytes > 0)
		write_cookie(c, q, from, w);
	if (tcp && q->keepalive) {
		writer_u16(w, OPTION_KEEPALIVE);
		writer_u16(w, KEEPALIVE_BYTES);
		writer_u16(w, c->tcp_idle_ms / 100);
	}
	if (r->ede != EDE_NONE && !write_ede(r, r->ede_text_bytes, w))
		write_ede(r, 0, w);
	wire_put16(w->bytes + start + 9, (unsigned)(w->at - start - OPT_BYTES));
	r->additionals++;
}
