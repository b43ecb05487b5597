/* What a reply says about cookies. */
#include "dns/forward/cookie.h"

#include <string.h>

#include "base/random.h"

#define SERVER_BYTES_MIN 8

void cookie_init(struct cookie *c)
{
	c->length = COOKIE_CLIENT_BYTES;
	random_fill(c->bytes, COOKIE_CLIENT_BYTES);
}

void cookie_forget(struct cookie *c)
{
	if (c->length > COOKIE_CLIENT_BYTES)
		c->length = COOKIE_CLIENT_BYTES;
}

static enum cookie_verdict without(struct cookie *c, const struct message *m, bool is_stream)
{
	if (c->length > COOKIE_CLIENT_BYTES && !is_stream)
		return COOKIE_LACKS;
	cookie_forget(c);
	if (m->rcode != RCODE_FORMERR || !m->edns)
		return COOKIE_FINE;
	c->length = 0;
	return COOKIE_REFUSED;
}

enum cookie_verdict cookie_check(struct cookie *c, const struct message *m, bool is_stream)
{
	if (c->length == 0)
		return COOKIE_FINE;
	if (m->cookie_bytes < COOKIE_CLIENT_BYTES)
		return without(c, m, is_stream);
	if (memcmp(m->cookie, c->bytes, COOKIE_CLIENT_BYTES) != 0)
		return COOKIE_OF_ANOTHER;
	if (m->cookie_bytes < COOKIE_CLIENT_BYTES + SERVER_BYTES_MIN)
		return COOKIE_FINE;
	const bool same = m->cookie_bytes == c->length && memcmp(m->cookie, c->bytes, c->length) == 0;
	memcpy(c->bytes, m->cookie, m->cookie_bytes);
	c->length = m->cookie_bytes;
	return m->rcode == RCODE_BADCOOKIE && !same ? COOKIE_RENEWED : COOKIE_FINE;
}
