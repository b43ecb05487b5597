/*
 * DNS messages as bytes (RFC 1035): numbers in network order, and a writer that never passes its limit.
 *
 * The hot path: everything is inline, nothing allocates. A writer keeps its first failure in `full`; a record that
 * does not fit is taken back whole by its caller (writer_mark/writer_back), so a reply never holds half a record.
 */
#ifndef DNS_WIRE_WIRE_H
#define DNS_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WIRE_HEADER_BYTES 12
#define WIRE_MESSAGE_BYTES 65535 /* largest over TCP */
#define WIRE_UDP_PLAIN_BYTES 512 /* RFC 1035 2.3.4: without EDNS */
#define WIRE_UDP_BYTES 1232	 /* our EDNS size: fits the smallest IPv6 path unfragmented (dnsflagday 2020) */

/* Second and third byte of the header. */
enum wire_flag {
	FLAG_QR = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_AA = 0x0400,
	FLAG_TC = 0x0200,
	FLAG_RD = 0x0100,
	FLAG_RA = 0x0080,
	FLAG_AD = 0x0020,
	FLAG_CD = 0x0010,
	FLAG_RCODE = 0x000f
};

enum wire_rcode {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_SERVFAIL = 2,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_BADVERS = 16,
	RCODE_BADCOOKIE = 23
};

enum wire_type {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_HINFO = 13,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_DS = 43,
	TYPE_DNSKEY = 48,
	TYPE_OPT = 41,
	TYPE_SVCB = 64,
	TYPE_HTTPS = 65,
	TYPE_IXFR = 251,
	TYPE_AXFR = 252,
	TYPE_ANY = 255
};

enum wire_class { CLASS_IN = 1, CLASS_CH = 3 };

static inline uint16_t wire_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void wire_put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void wire_put32(uint8_t *p, uint32_t value)
{
	wire_put16(p, value >> 16);
	wire_put16(p + 2, value & 0xffff);
}

struct writer {
	uint8_t *bytes; /* start of the message: compression pointers count from here */
	size_t at, limit;
	bool full;
};

/* The place of the next `length` bytes, or NULL (and `full`) when they do not fit. */
static inline uint8_t *writer_take(struct writer *w, size_t length)
{
	if (w->full || length > w->limit - w->at) {
		w->full = true;
		return NULL;
	}
	w->at += length;
	return w->bytes + w->at - length;
}

static inline void writer_bytes(struct writer *w, const void *from, size_t length)
{
	uint8_t *p = writer_take(w, length);

	if (p != NULL)
		memcpy(p, from, length);
}

static inline void writer_u8(struct writer *w, unsigned value)
{
	uint8_t *p = writer_take(w, 1);

	if (p != NULL)
		*p = (uint8_t)value;
}

static inline void writer_u16(struct writer *w, unsigned value)
{
	uint8_t *p = writer_take(w, 2);

	if (p != NULL)
		wire_put16(p, value);
}

static inline void writer_u32(struct writer *w, uint32_t value)
{
	uint8_t *p = writer_take(w, 4);

	if (p != NULL)
		wire_put32(p, value);
}

/* A compression pointer to `offset` (RFC 1035 4.1.4). */
static inline void writer_pointer(struct writer *w, unsigned offset)
{
	writer_u16(w, 0xc000 | offset);
}

/* Takes back everything after `mark` (an earlier w->at) and forgets the failure. */
static inline void writer_back(struct writer *w, size_t mark)
{
	w->at = mark;
	w->full = false;
}

#endif
