/* Copies stored records into a reply: cuts at whole records and counts TTLs down. */
#include "dns/forward/records.h"

static size_t record_end(const struct records *from, unsigned i)
{
	size_t ttl_at = from->ttl_at[i];

	return ttl_at + 6 + wire_get16(from->bytes + ttl_at + 4);
}

static unsigned records_count(const struct records *from)
{
	return (unsigned)from->answers + from->authorities + from->additionals;
}

/* How many records fit into `room` bytes. */
static unsigned fitting(const struct records *from, size_t room)
{
	unsigned count = records_count(from);

	if (from->length <= room)
		return count;
	while (count > 0 && record_end(from, count - 1) > room)
		count--;
	return count;
}

static uint32_t ttl_left(const uint8_t *at, uint32_t age_s, uint32_t ttl_max_s)
{
	uint32_t ttl_s = wire_get32(at);

	ttl_s = ttl_s > age_s ? ttl_s - age_s : 0;
	return ttl_s < ttl_max_s ? ttl_s : ttl_max_s;
}

uint32_t records_first_ttl(const struct records *from, uint32_t age_s, uint32_t ttl_max_s)
{
	return records_count(from) > 0 ? ttl_left(from->bytes + from->ttl_at[0], age_s, ttl_max_s) : 0;
}

static void ttls_write(uint8_t *to, const struct records *from, unsigned count, uint32_t age_s, uint32_t ttl_max_s)
{
	for (unsigned i = 0; i < count; i++) {
		uint8_t *at = to + from->ttl_at[i];
		wire_put32(at, ttl_left(at, age_s, ttl_max_s));
	}
}

static unsigned records_take(unsigned *left, unsigned most)
{
	unsigned n = *left < most ? *left : most;

	*left -= n;
	return n;
}

void records_write(struct reply *r, const struct records *from, uint32_t age_s, uint32_t ttl_max_s)
{
	unsigned count = fitting(from, r->w.limit - r->w.at), left = count;
	size_t length = count == 0 ? 0 : record_end(from, count - 1);
	uint8_t *to = writer_take(&r->w, length);

	r->rcode = from->rcode;
	r->ad = from->authentic;
	if (from->ede != EDE_NONE) {
		r->ede = (enum ede)from->ede;
		r->ede_text_bytes = from->ede_text_bytes;
		memcpy(r->ede_text, from->ede_text, from->ede_text_bytes);
	}
	r->truncated |= count < (unsigned)from->answers + from->authorities;
	if (to == NULL || length == 0)
		return;
	memcpy(to, from->bytes, length);
	ttls_write(to, from, count, age_s, ttl_max_s);
	r->answers = (uint16_t)records_take(&left, from->answers);
	r->authorities = (uint16_t)records_take(&left, from->authorities);
	r->additionals = (uint16_t)records_take(&left, from->additionals);
}

struct records records_failure(const char *text, enum ede ede)
{
	return (struct records){.rcode = RCODE_SERVFAIL,
				.ede = (int16_t)ede,
				.ede_text = text,
				.ede_text_bytes = (uint8_t)strlen(text)};
}
