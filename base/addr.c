/* Parses, formats and compares IP addresses, prefixes and protocol names. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* inet_pton refuses leading zeros; Kubernetes reads them as decimal, so octets are read here. */
static bool parse_v4(struct addr *a, const char *text)
{
	struct addr out = {.family = AF_INET};
	const char *p = text;

	for (int i = 0; i < 4; i++) {
		unsigned value = 0;
		int digits = 0;
		for (; *p >= '0' && *p <= '9'; p++, digits++) {
			value = value * 10 + (unsigned)(*p - '0');
			if (value > 255)
				return false;
		}
		if (digits == 0 || *p != (i < 3 ? '.' : '\0'))
			return false;
		p++;
		out.bytes[i] = (uint8_t)value;
	}
	*a = out;
	return true;
}

/* IPv4-mapped ones stay as they are. */
static bool parse_any(struct addr *a, const char *text)
{
	struct addr out = {.family = AF_INET6};

	if (text == NULL)
		return false;
	if (parse_v4(a, text))
		return true;
	if (inet_pton(AF_INET6, text, out.bytes) != 1)
		return false;
	*a = out;
	return true;
}

static bool is_mapped(const struct addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return a->family == AF_INET6 && memcmp(a->bytes, mapped, sizeof mapped) == 0;
}

void addr_unmap(struct addr *a)
{
	struct addr v4 = {.family = AF_INET};

	if (!is_mapped(a))
		return;
	memcpy(v4.bytes, a->bytes + 12, 4);
	*a = v4;
}

bool addr_parse(struct addr *a, const char *text)
{
	if (!parse_any(a, text))
		return false;
	addr_unmap(a);
	return true;
}

bool addr_text_is_mapped(const char *text)
{
	char host[ADDR_TEXT_BYTES];
	const size_t n = strcspn(text, "/");
	struct addr a;

	if (n >= sizeof host)
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	return parse_any(&a, host) && is_mapped(&a);
}

const char *addr_format(const struct addr *a, char text[ADDR_TEXT_BYTES])
{
	if (a->family == 0 || inet_ntop(a->family, a->bytes, text, ADDR_TEXT_BYTES) == NULL)
		text[0] = '\0';
	return text;
}

const char *addr_port_format(const struct addr *a, uint16_t port, char text[ADDR_PORT_TEXT_BYTES])
{
	char host[ADDR_TEXT_BYTES];

	snprintf(text, ADDR_PORT_TEXT_BYTES, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", addr_format(a, host),
		 (unsigned)port);
	return text;
}

static bool port_parse(uint16_t *port, const char *text)
{
	unsigned long value = 0;

	if (*text == '\0' || strlen(text) > 5)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned long)(*text - '0');
	}
	if (value > 65535)
		return false;
	*port = (uint16_t)value;
	return true;
}

bool addr_port_parse(struct addr *a, uint16_t *port, const char *text)
{
	char host[ADDR_PORT_TEXT_BYTES];
	size_t n = text != NULL ? strlen(text) : sizeof host;
	uint16_t value = *port;
	const char *colon;

	if (n >= sizeof host)
		return false;
	if (addr_parse(a, text))
		return true;
	memcpy(host, text, n + 1);
	if (host[0] == '[') {
		char *close = strchr(host, ']');
		if (close == NULL || (close[1] != '\0' && (close[1] != ':' || !port_parse(&value, close + 2))))
			return false;
		*close = '\0';
		if (strchr(host + 1, ':') == NULL || !addr_parse(a, host + 1))
			return false;
		*port = value;
		return true;
	}
	colon = strchr(host, ':');
	if (colon == NULL || !port_parse(&value, colon + 1))
		return false;
	host[colon - host] = '\0';
	if (!parse_v4(a, host))
		return false;
	*port = value;
	return true;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family == AF_INET || b->family == 0 ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool addr_next(struct addr *a)
{
	for (size_t i = addr_bytes(a); i-- > 0;)
		if (++a->bytes[i] != 0)
			return true;
	return false;
}

bool addr_previous(struct addr *a)
{
	for (size_t i = addr_bytes(a); i-- > 0;)
		if (a->bytes[i]-- != 0)
			return true;
	return false;
}

bool addr_is_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	if (a->family == AF_INET)
		return a->bytes[0] == 127;
	return a->family == AF_INET6 && memcmp(a->bytes, one, sizeof one) == 0;
}

bool addr_is_link_local(const struct addr *a)
{
	if (a->family == AF_INET)
		return a->bytes[0] == 169 && a->bytes[1] == 254;
	return a->family == AF_INET6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

bool addr_is_wildcard(const struct addr *a)
{
	static const uint8_t zero[16];

	return memcmp(a->bytes, zero, sizeof zero) == 0;
}

static void host_bits_clear(struct addr *a, unsigned prefix)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned kept = prefix > i * 8 ? prefix - i * 8 : 0;
		if (kept < 8)
			a->bytes[i] = (uint8_t)(a->bytes[i] & (0xff00u >> kept));
	}
}

bool cidr_parse(struct cidr *c, const char *text)
{
	char host[ADDR_TEXT_BYTES];
	const char *slash = text != NULL ? strchr(text, '/') : NULL;
	struct cidr out;
	uint16_t prefix;

	if (slash == NULL || (size_t)(slash - text) >= sizeof host || strlen(slash + 1) > 3)
		return false;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	if (!parse_any(&out.addr, host) || !port_parse(&prefix, slash + 1))
		return false;
	if (is_mapped(&out.addr) && prefix >= 96 && prefix <= 128) { /* a shorter prefix holds more than IPv4 */
		addr_unmap(&out.addr);
		prefix = (uint16_t)(prefix - 96);
	}
	if (prefix > addr_bytes(&out.addr) * 8)
		return false;
	out.prefix = (uint8_t)prefix;
	host_bits_clear(&out.addr, prefix);
	*c = out;
	return true;
}

struct cidr cidr_network(const struct addr *a, uint8_t prefix)
{
	struct cidr c = {.addr = *a, .prefix = prefix};

	host_bits_clear(&c.addr, prefix);
	return c;
}

struct cidr cidr_host(const struct addr *a)
{
	return (struct cidr){.addr = *a, .prefix = (uint8_t)(addr_bytes(a) * 8)};
}

struct addr cidr_last(const struct cidr *c)
{
	struct addr last = c->addr;

	for (size_t bit = c->prefix; bit < 8 * addr_bytes(&last); bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return last;
}

static bool bit_at(const struct addr *a, size_t bit)
{
	return (a->bytes[bit / 8] & (0x80 >> bit % 8)) != 0;
}

/* Its host bits are those that are zero in the first and one in the last, from the end on. */
bool cidr_between(struct cidr *c, const struct addr *first, const struct addr *last)
{
	size_t prefix = 8 * addr_bytes(first);

	while (prefix > 0 && !bit_at(first, prefix - 1) && bit_at(last, prefix - 1))
		prefix--;
	*c = (struct cidr){.addr = *first, .prefix = (uint8_t)prefix};
	const struct addr found = cidr_last(c);
	return addr_equal(&found, last);
}

bool cidr_parse_or_host(struct cidr *c, const char *text)
{
	struct addr a;

	if (!addr_parse(&a, text))
		return cidr_parse(c, text);
	*c = cidr_host(&a);
	return true;
}

const char *cidr_format(const struct cidr *c, char text[CIDR_TEXT_BYTES])
{
	char host[ADDR_TEXT_BYTES];

	snprintf(text, CIDR_TEXT_BYTES, "%s/%u", addr_format(&c->addr, host), (unsigned)c->prefix);
	return text;
}

bool cidr_contains(const struct cidr *c, const struct addr *a)
{
	struct addr network = *a;

	if (c->addr.family != a->family || a->family == 0)
		return false;
	host_bits_clear(&network, c->prefix);
	return addr_equal(&network, &c->addr);
}

uint8_t proto_parse(const char *text)
{
	if (strcmp(text, "TCP") == 0)
		return IPPROTO_TCP;
	if (strcmp(text, "UDP") == 0)
		return IPPROTO_UDP;
	return strcmp(text, "SCTP") == 0 ? IPPROTO_SCTP : 0;
}

const char *proto_name(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_SCTP:
		return "SCTP";
	default:
		return "?";
	}
}
