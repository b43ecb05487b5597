/*
 * IP addresses, prefixes and the transport protocols that Services know. Values: copied freely, zero = none.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_TEXT_BYTES 46 /* longest text form with its NUL (INET6_ADDRSTRLEN) */
#define CIDR_TEXT_BYTES (ADDR_TEXT_BYTES + 4)
#define ADDR_PORT_TEXT_BYTES (ADDR_TEXT_BYTES + 8)

/* Unused bytes of an IPv4 address are zero, so addresses compare and hash as plain bytes. No padding. */
struct addr {
	uint8_t family; /* AF_INET, AF_INET6, 0 = none */
	uint8_t bytes[16];
};

struct cidr {
	struct addr addr; /* host bits are zero */
	uint8_t prefix;	  /* bits */
};

/*
 * Text to address. As in kube-proxy, leading zeros in IPv4 octets are read as decimal (k8s ParseIPSloppy);
 * everything else is strict: no zone, no port, no blanks. IPv4-mapped IPv6 is the IPv4 address, as in Go. False: *a
 * untouched.
 */
bool addr_parse(struct addr *a, const char *text);
/* "::ffff:1.2.3.4", also with a prefix length: worth a warning. */
bool addr_text_is_mapped(const char *text);
void addr_unmap(struct addr *a); /* an IPv4-mapped address becomes the IPv4 address, others stay */
const char *addr_format(const struct addr *a, char text[ADDR_TEXT_BYTES]); /* returns text; "" for none */
/* "1.2.3.4:80", "[fd00::1]:80". */
const char *addr_port_format(const struct addr *a, uint16_t port, char text[ADDR_PORT_TEXT_BYTES]);
/* "1.2.3.4", "1.2.3.4:53", "[::1]:53", "::1"; *port keeps its value when the text has none. */
bool addr_port_parse(struct addr *a, uint16_t *port, const char *text);
bool addr_equal(const struct addr *a, const struct addr *b);
int addr_compare(const struct addr *a, const struct addr *b); /* IPv4 first, then by bytes */
static inline size_t addr_bytes(const struct addr *a)
{
	return a->family == AF_INET ? 4 : 16;
}
bool addr_next(struct addr *a);		       /* the one after it; false: there is none, *a is the first of all */
bool addr_previous(struct addr *a);	       /* the one before it; false: there is none, *a is the last of all */
bool addr_is_loopback(const struct addr *a);   /* 127/8, ::1 */
bool addr_is_link_local(const struct addr *a); /* 169.254/16, fe80::/10 */
bool addr_is_wildcard(const struct addr *a);   /* 0.0.0.0, :: */

/* "10.0.0.0/8"; host bits are cleared; a bare address is not a prefix: false. */
bool cidr_parse(struct cidr *c, const char *text);
/* The same, or a bare address, which stands for itself: what Kubernetes fills in for status.hostIPs. */
bool cidr_parse_or_host(struct cidr *c, const char *text);
/* The network of `prefix` bits, at most those of the address, that an address is in. */
struct cidr cidr_network(const struct addr *a, uint8_t prefix);
/* One address as /32 or /128. */
struct cidr cidr_host(const struct addr *a);
struct addr cidr_last(const struct cidr *c); /* its last address; c->addr is its first */
/* The prefix of all addresses from first to last; false: they are none. */
bool cidr_between(struct cidr *c, const struct addr *first, const struct addr *last);
const char *cidr_format(const struct cidr *c, char text[CIDR_TEXT_BYTES]);
bool cidr_contains(const struct cidr *c, const struct addr *a); /* false across families */

/* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP by Kubernetes' upper-case names; 0 = unknown. */
uint8_t proto_parse(const char *text);
const char *proto_name(uint8_t proto); /* "TCP"; "?" when unknown */

#endif
