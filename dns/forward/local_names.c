/* Local zones: which name is in which, and their empty contents. */
#include "dns/forward/local_names.h"

#define LOCAL_TTL_S 10800 /* RFC 6303 3 */

/* Label i from the right. */
static bool is(const struct name *n, unsigned i, const char *text)
{
	return i < n->labels && name_label_is(n, n->labels - 1 - i, text);
}

/* The octet in label i from the right, -1: none. */
static int octet(const struct name *n, unsigned i)
{
	unsigned length;
	int value = 0;

	if (i >= n->labels)
		return -1;
	const uint8_t *label = name_label(n, n->labels - 1 - i, &length);
	if (length > 3 || (length > 1 && label[0] == '0'))
		return -1;
	for (unsigned k = 0; k < length; k++) {
		if (label[k] < '0' || label[k] > '9')
			return -1;
		value = value * 10 + label[k] - '0';
	}
	return value;
}

static bool three(const struct name *n, int a, int b, int c)
{
	return octet(n, 2) == a && octet(n, 3) == b && octet(n, 4) == c;
}

static unsigned zone_in_addr(const struct name *n)
{
	int a = octet(n, 2), b = octet(n, 3);

	if (a == 0 || a == 10 || a == 127)
		return 3;
	if ((a == 172 && b >= 16 && b <= 31) || (a == 192 && b == 168) || (a == 169 && b == 254) ||
	    (a == 100 && b >= 64 && b <= 127))
		return 4;
	if (three(n, 192, 0, 2) || three(n, 198, 51, 100) || three(n, 203, 0, 113))
		return 5;
	return a == 255 && three(n, 255, 255, 255) && octet(n, 5) == 255 ? 6 : 0;
}

static bool nibbles(const struct name *n, const char *text)
{
	for (unsigned i = 0; text[i] != '\0'; i++)
		if (!is(n, 2 + i, (const char[]){text[i], '\0'}))
			return false;
	return true;
}

static unsigned zone_ip6(const struct name *n)
{
	if (nibbles(n, "fd"))
		return 4;
	if (nibbles(n, "fe8") || nibbles(n, "fe9") || nibbles(n, "fea") || nibbles(n, "feb"))
		return 5;
	if (nibbles(n, "20010db8"))
		return 10;
	if (nibbles(n, "00000000000000000000000000000000") || nibbles(n, "00000000000000000000000000000001"))
		return 34;
	return 0;
}

unsigned local_zone(const struct name *n)
{
	if (is(n, 0, "localhost") || is(n, 0, "invalid") || is(n, 0, "onion") || is(n, 0, "alt"))
		return 1;
	if (!is(n, 0, "arpa"))
		return 0;
	if (is(n, 1, "home"))
		return 2;
	if (is(n, 1, "in-addr"))
		return zone_in_addr(n);
	return is(n, 1, "ip6") ? zone_ip6(n) : 0;
}

/* "@ 10800 IN SOA @ nobody.invalid. 1 3600 1200 604800 10800" */
static bool soa(struct reply *r, uint32_t *count, unsigned zone_at)
{
	static const uint8_t rname[] = "\6nobody\7invalid";
	uint8_t *p = record_open(r, zone_at, TYPE_SOA, LOCAL_TTL_S);

	if (p == NULL)
		return false;
	writer_pointer(&r->w, zone_at);
	writer_bytes(&r->w, rname, sizeof rname);
	writer_u32(&r->w, 1);
	writer_u32(&r->w, 3600);
	writer_u32(&r->w, 1200);
	writer_u32(&r->w, 604800);
	writer_u32(&r->w, LOCAL_TTL_S);
	return record_close(r, p, count);
}

static bool answer_apex(unsigned type, unsigned zone_at, struct reply *r)
{
	if (type == TYPE_SOA)
		return soa(r, &r->answers, zone_at);
	if (type != TYPE_NS)
		return false;
	uint8_t *p = record_open(r, zone_at, TYPE_NS, LOCAL_TTL_S);
	if (p == NULL)
		return false;
	writer_pointer(&r->w, zone_at);
	return record_close(r, p, &r->answers);
}

static bool answer_localhost(unsigned type, struct reply *r)
{
	static const struct addr v4 = {AF_INET, {127, 0, 0, 1}};
	static const struct addr v6 = {AF_INET6, {[15] = 1}};

	if (type != TYPE_A && type != TYPE_AAAA)
		return false;
	return record_addr(r, &r->answers, WIRE_HEADER_BYTES, type == TYPE_A ? &v4 : &v6, LOCAL_TTL_S);
}

void local_answer(const struct name *n, unsigned zone_labels, unsigned type, struct reply *r)
{
	const bool apex = n->labels == zone_labels, localhost = is(n, 0, "localhost");
	unsigned zone_at = WIRE_HEADER_BYTES + n->label_at[n->labels - zone_labels];

	r->aa = true;
	if (localhost && answer_localhost(type, r))
		return;
	if (apex && answer_apex(type, zone_at, r))
		return;
	if (!apex && !localhost)
		r->rcode = RCODE_NXDOMAIN;
	r->truncated |= !soa(r, &r->authorities, zone_at);
}
