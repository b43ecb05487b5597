/* Writes records into a reply. */
#include "dns/wire/record.h"

#include "dns/zone/table.h"

/* Type, class IN and TTL, data length. */
static void put_fixed(uint8_t *p, unsigned owner_at, unsigned type, uint32_t ttl_s, unsigned data_bytes)
{
	wire_put16(p, 0xc000 | owner_at);
	wire_put16(p + 2, type);
	wire_put16(p + 4, CLASS_IN);
	wire_put32(p + 6, ttl_s);
	wire_put16(p + 10, data_bytes);
}

void record_addrs(struct reply *r, unsigned owner_at, const uint8_t *addrs, uint32_t count, unsigned bytes,
		  uint32_t ttl_s)
{
	size_t room = (r->w.limit - r->w.at) / (RECORD_FIXED_BYTES + bytes);
	uint32_t fit = count < room ? count : (uint32_t)room;
	uint32_t at = count < 2 ? 0 : r->rotation % count;
	uint8_t fixed[RECORD_FIXED_BYTES];
	uint8_t *p = r->w.bytes + r->w.at;

	put_fixed(fixed, owner_at, bytes == 4 ? TYPE_A : TYPE_AAAA, ttl_s, bytes);
	for (uint32_t i = 0; i < fit; i++) {
		memcpy(p, fixed, sizeof fixed);
		memcpy(p + sizeof fixed, addrs + (size_t)at * bytes, bytes);
		p += sizeof fixed + bytes;
		if (++at == count)
			at = 0;
	}
	r->w.at = (size_t)(p - r->w.bytes);
	r->answers += (uint32_t)fit;
	r->truncated |= fit < count;
}

/* Nothing was written. Glue goes without a word (RFC 2181 9); all else is missed. */
static bool does_not_fit(struct reply *r, const uint32_t *count)
{
	r->w.full = false;
	r->truncated |= count != &r->additionals;
	return false;
}

bool record_addr(struct reply *r, uint32_t *count, unsigned owner_at, const struct addr *a, uint32_t ttl_s)
{
	unsigned bytes = (unsigned)addr_bytes(a);
	uint8_t *p = writer_take(&r->w, RECORD_FIXED_BYTES + bytes);

	if (p == NULL)
		return does_not_fit(r, count);
	put_fixed(p, owner_at, bytes == 4 ? TYPE_A : TYPE_AAAA, ttl_s, bytes);
	memcpy(p + RECORD_FIXED_BYTES, a->bytes, bytes);
	++*count;
	return true;
}

uint8_t *record_open(struct reply *r, unsigned owner_at, unsigned type, uint32_t ttl_s)
{
	uint8_t *p = writer_take(&r->w, RECORD_FIXED_BYTES);

	if (p == NULL)
		does_not_fit(r, &r->answers);
	else
		put_fixed(p, owner_at, type, ttl_s, 0);
	return p;
}

bool record_close(struct reply *r, uint8_t *start, uint32_t *count)
{
	size_t at = (size_t)(start - r->w.bytes);

	if (r->w.full) {
		writer_back(&r->w, at);
		return does_not_fit(r, count);
	}
	wire_put16(start + 10, (unsigned)(r->w.at - at - RECORD_FIXED_BYTES));
	++*count;
	return true;
}

bool record_soa(struct reply *r, uint32_t *count, unsigned zone_at, uint32_t ttl_s, const struct zone *z)
{
	static const uint8_t mname[] = "\2ns\3dns", rname[] = "\12hostmaster";
	enum { REFRESH_S = 7200, RETRY_S = 1800, EXPIRE_S = 86400 };
	enum { DATA_BYTES = 7 + 2 + 11 + 2 + 20 };
	uint8_t *p = writer_take(&r->w, RECORD_FIXED_BYTES + DATA_BYTES);

	if (p == NULL)
		return does_not_fit(r, count);
	put_fixed(p, zone_at, TYPE_SOA, ttl_s, DATA_BYTES);
	memcpy(p + 12, mname, 7);
	wire_put16(p + 19, 0xc000 | zone_at);
	memcpy(p + 21, rname, 11);
	wire_put16(p + 32, 0xc000 | zone_at);
	wire_put32(p + 34, zone_serial(z));
	wire_put32(p + 38, REFRESH_S);
	wire_put32(p + 42, RETRY_S);
	wire_put32(p + 46, EXPIRE_S);
	wire_put32(p + 50, z->negative_ttl_s);
	++*count;
	return true;
}

bool record_ns(struct reply *r, unsigned zone_at, uint32_t ttl_s)
{
	uint8_t *p = record_open(r, zone_at, TYPE_NS, ttl_s);

	if (p == NULL)
		return false;
	writer_bytes(&r->w, "\2ns\3dns", 7);
	writer_pointer(&r->w, zone_at);
	return record_close(r, p, &r->answers);
}

bool record_txt(struct reply *r, unsigned class, const char *text, uint32_t ttl_s)
{
	size_t length = strnlen(text, 255);
	uint8_t *p = record_open(r, WIRE_HEADER_BYTES, TYPE_TXT, ttl_s);

	if (p == NULL)
		return false;
	wire_put16(p + 4, class);
	writer_u8(&r->w, (unsigned)length);
	writer_bytes(&r->w, text, length);
	return record_close(r, p, &r->answers);
}

bool record_hinfo(struct reply *r, uint32_t ttl_s)
{
	uint8_t *p = record_open(r, WIRE_HEADER_BYTES, TYPE_HINFO, ttl_s);

	if (p == NULL)
		return false;
	writer_bytes(&r->w, "\7RFC8482\0", 9);
	return record_close(r, p, &r->answers);
}
