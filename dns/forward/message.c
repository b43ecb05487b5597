/* Upstream replies: checks the question, keeps what belongs to the answer, writes it anew. */
#include "dns/forward/message.h"

#include "dns/forward/message_private.h"

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL };

static bool raw_read(struct reading *r, struct raw *raw)
{
	raw->owner_bytes = unpack_name(raw->owner, r->wire, r->length, &r->at);
	if (raw->owner_bytes == 0 || r->length - r->at < FIXED_BYTES)
		return false;
	name_key(&raw->owner_key, raw->owner, raw->owner_bytes);
	raw->fixed = r->wire + r->at;
	raw->type = wire_get16(raw->fixed);
	raw->data_bytes = wire_get16(raw->fixed + 8);
	raw->data_at = r->at + FIXED_BYTES;
	r->at = raw->data_at + raw->data_bytes;
	return r->at <= r->length;
}

/* ---- what belongs to the answer ---- */

static bool names_have(const struct name_key names[NAMES_MAX], unsigned count, const struct name_key *name)
{
	for (unsigned i = 0; i < count; i++)
		if (name_keys_equal(&names[i], name))
			return true;
	return false;
}

/* Some name of the chain is `zone` or below it. */
static bool chain_is_below(const struct reading *r, const struct name_key *zone)
{
	for (unsigned i = 0; i < r->chain_count; i++)
		if (name_key_is_below(&r->chain[i], zone))
			return true;
	return false;
}

static bool is_proof(unsigned type)
{
	return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_NSEC3 || type == TYPE_DS;
}

static bool names_targets(unsigned type)
{
	return type == TYPE_MX || type == TYPE_SRV || type == TYPE_NS || type == TYPE_SVCB || type == TYPE_HTTPS ||
	       type == TYPE_NAPTR;
}

static bool belongs(struct reading *r, enum section section, const struct raw *raw)
{
	const bool negative = !r->answered;

	switch (section) {
	case SECTION_ANSWER:
		if (names_have(r->chain, r->chain_count, &raw->owner_key))
			return true;
		return (raw->type == TYPE_DNAME || raw->type == TYPE_RRSIG) && chain_is_below(r, &raw->owner_key);
	case SECTION_AUTHORITY:
		if (raw->type == TYPE_SOA)
			return negative && chain_is_below(r, &raw->owner_key);
		return is_proof(raw->type) && r->asked->dnssec_ok;
	default:
		return !negative && names_targets(r->asked->type) &&
		       (raw->type == TYPE_A || raw->type == TYPE_AAAA ||
			(raw->type == TYPE_RRSIG && r->asked->dnssec_ok)) &&
		       names_have(r->targets, r->target_count, &raw->owner_key);
	}
}

/* ---- writing ---- */

/* RFC 2181 8: a TTL with the highest bit is none. */
static uint32_t ttl_of(const uint8_t *fixed)
{
	uint32_t ttl_s = wire_get32(fixed + 4);

	return ttl_s > INT32_MAX ? 0 : ttl_s;
}

static void ttl_note(struct reading *r, enum section section, const struct raw *raw, uint32_t ttl_s)
{
	if (raw->type == TYPE_SOA && section == SECTION_AUTHORITY) { /* RFC 2308 5: also no longer than its MINIMUM */
		uint32_t minimum_s = wire_get32(r->wire + raw->data_at + raw->data_bytes - 4);
		ttl_s = minimum_s < ttl_s ? minimum_s : ttl_s;
		r->m->soa = true;
	}
	if (ttl_s < r->m->ttl_s)
		r->m->ttl_s = ttl_s;
}

static bool record_write(struct reading *r, enum section section, const struct raw *raw)
{
	uint32_t ttl_s = ttl_of(raw->fixed);
	size_t mark = r->w.at;
	const unsigned names = r->packer.count, text_bytes = r->packer.text_bytes;

	if (r->kept == MESSAGE_RECORDS_MAX)
		return false;
	pack_name(&r->packer, &r->w, raw->owner, raw->owner_bytes);
	writer_bytes(&r->w, raw->fixed, 4);
	size_t ttl_at = r->w.at;
	writer_u32(&r->w, ttl_s);
	writer_u16(&r->w, 0);
	if (!data_write(r, raw) || r->w.full) {
		writer_back(&r->w, mark);
		r->packer.count = names;
		r->packer.text_bytes = text_bytes;
		return false;
	}
	wire_put16(r->w.bytes + ttl_at + 4, (unsigned)(r->w.at - ttl_at - 6));
	r->m->ttl_at[r->kept++] = (uint16_t)(ttl_at - r->m->records_at);
	ttl_note(r, section, raw, ttl_s);
	return true;
}

/* ---- OPT ---- */

static void option_read(struct message *m, unsigned code, const uint8_t *data, size_t length)
{
	if (code == OPTION_COOKIE && length <= COOKIE_BYTES_MAX) {
		m->cookie_bytes = (uint8_t)length;
		memcpy(m->cookie, data, length);
	} else if (code == OPTION_EDE && length >= 2 && m->records.ede == EDE_NONE) {
		size_t text = length - 2 < sizeof m->ede_text ? length - 2 : sizeof m->ede_text;
		m->records.ede = (int16_t)(wire_get16(data) & INT16_MAX);
		m->records.ede_text_bytes = (uint8_t)text;
		memcpy(m->ede_text, data + 2, text);
	}
}

static bool opt_read(struct reading *r, const struct raw *raw)
{
	const uint8_t *data = r->wire + raw->data_at;
	size_t left = raw->data_bytes;

	if (r->m->edns || raw->owner_bytes != 1)
		return false;
	r->m->edns = true;
	r->m->rcode |= (unsigned)raw->fixed[4] << 4;
	while (left >= 4 && left - 4 >= wire_get16(data + 2)) {
		size_t length = wire_get16(data + 2);
		option_read(r->m, wire_get16(data), data + 4, length);
		data += 4 + length;
		left -= 4 + length;
	}
	return left == 0;
}

/* ---- the whole ---- */

static void record_take(struct reading *r, enum section section, const struct raw *raw, uint16_t *count)
{
	if (raw->type == TYPE_OPT) {
		r->broken |= section != SECTION_ADDITIONAL || !opt_read(r, raw);
		return;
	}
	if (wire_get16(raw->fixed + 2) != CLASS_IN || !belongs(r, section, raw))
		return;
	if (!record_write(r, section, raw)) {
		r->broken = true;
		return;
	}
	++*count;
	if (section == SECTION_ANSWER && (raw->type == r->asked->type || r->asked->type == TYPE_ANY))
		r->answered = true;
}

static void section_read(struct reading *r, enum section section, unsigned count, uint16_t *kept)
{
	struct raw raw;

	for (unsigned i = 0; i < count && !r->broken; i++) {
		if (raw_read(r, &raw))
			record_take(r, section, &raw, kept);
		else
			r->broken = true;
	}
}

static enum message_result question_compare(const uint8_t *wire, const struct question *asked, bool keep_case)
{
	const uint8_t *name = wire + WIRE_HEADER_BYTES;
	size_t name_bytes = asked->length - 4;
	uint8_t theirs[NAME_BYTES], ours[NAME_BYTES];

	if (memcmp(name, asked->bytes, asked->length) == 0)
		return MESSAGE_OK;
	name_lower(theirs, name, name_bytes);
	name_lower(ours, asked->bytes, name_bytes);
	if (memcmp(theirs, ours, name_bytes) != 0 || memcmp(name + name_bytes, asked->bytes + name_bytes, 4) != 0)
		return MESSAGE_UNRELATED;
	return keep_case ? MESSAGE_CASE : MESSAGE_OK;
}

static void kind_set(struct reading *r)
{
	struct message *m = r->m;

	if (m->rcode == RCODE_NXDOMAIN)
		m->kind = KIND_NXDOMAIN;
	else if (m->rcode != RCODE_NOERROR)
		m->kind = KIND_OTHER;
	else
		m->kind = r->answered ? KIND_POSITIVE : KIND_NODATA;
	m->records.rcode = m->rcode > FLAG_RCODE ? RCODE_SERVFAIL : (uint16_t)m->rcode; /* between us and the server */
	if (m->records.answers + m->records.authorities + m->records.additionals == 0)
		m->ttl_s = 0;
}

/* What is written starts with the question as the client wrote it, for pointers to lead to. */
static void reading_start(struct reading *r, const uint8_t *frame, size_t frame_bytes)
{
	struct message *m = r->m;

	m->edns = m->soa = false;
	m->cookie_bytes = 0;
	m->ttl_s = UINT32_MAX;
	m->records = (struct records){.ede = EDE_NONE, .ede_text = (const char *)m->ede_text};
	m->records_at = WIRE_HEADER_BYTES + frame_bytes;
	memcpy(m->bytes + WIRE_HEADER_BYTES, frame, frame_bytes);
	r->w = (struct writer){m->bytes, m->records_at, sizeof m->bytes, false};
	pack_note(&r->packer, m->bytes, WIRE_HEADER_BYTES);
	names_add(r->chain, &r->chain_count, r->asked->bytes, r->asked->length - 4);
}

static enum message_result read_framed(struct message *m, const uint8_t *wire, size_t length,
				       const struct question *asked, bool keep_case, const uint8_t *frame,
				       size_t frame_bytes)
{
	struct reading r = {.m = m, .asked = asked, .wire = wire, .length = length};
	const size_t records_at = WIRE_HEADER_BYTES + asked->length;

	if (length < WIRE_HEADER_BYTES || (wire[2] & 0x80) == 0)
		return MESSAGE_UNRELATED;
	m->id = wire_get16(wire);
	m->flags = wire_get16(wire + 2);
	m->rcode = m->flags & FLAG_RCODE;
	reading_start(&r, frame, frame_bytes);
	if ((m->flags & FLAG_OPCODE) != 0)
		return MESSAGE_UNRELATED;
	r.at = WIRE_HEADER_BYTES;
	if (wire_get16(wire + 4) == 1 && length >= records_at) {
		enum message_result result = question_compare(wire, asked, keep_case);
		if (result != MESSAGE_OK)
			return result;
		r.at = records_at;
	} else if (m->rcode == RCODE_NOERROR || wire_get16(wire + 4) != 0) { /* errors may come without it */
		return MESSAGE_UNRELATED;
	}
	section_read(&r, SECTION_ANSWER, wire_get16(wire + 6), &m->records.answers);
	section_read(&r, SECTION_AUTHORITY, wire_get16(wire + 8), &m->records.authorities);
	section_read(&r, SECTION_ADDITIONAL, wire_get16(wire + 10), &m->records.additionals);
	if (r.broken && (m->flags & FLAG_TC) == 0)
		return MESSAGE_BROKEN;
	kind_set(&r);
	m->records.ttl_at = m->ttl_at;
	m->records.bytes = m->bytes + m->records_at;
	m->records.length = (uint16_t)(r.w.at - m->records_at);
	return MESSAGE_OK;
}

enum message_result message_read(struct message *m, const uint8_t *wire, size_t length, const struct question *asked,
				 bool keep_case)
{
	return read_framed(m, wire, length, asked, keep_case, asked->bytes, asked->length);
}

bool message_move(struct message *m, const struct records *from, const struct question *asked, const uint8_t *frame,
		  size_t frame_bytes, uint8_t wire[WIRE_MESSAGE_BYTES])
{
	const size_t at = WIRE_HEADER_BYTES + asked->length;

	if (at + from->length > WIRE_MESSAGE_BYTES || WIRE_HEADER_BYTES + frame_bytes > WIRE_MESSAGE_BYTES)
		return false;
	memset(wire, 0, WIRE_HEADER_BYTES);
	wire_put16(wire + 2, FLAG_QR | from->rcode);
	wire_put16(wire + 4, 1);
	wire_put16(wire + 6, from->answers);
	wire_put16(wire + 8, from->authorities);
	wire_put16(wire + 10, from->additionals);
	memcpy(wire + WIRE_HEADER_BYTES, asked->bytes, asked->length);
	memcpy(wire + at, from->bytes, from->length);
	if (read_framed(m, wire, at + from->length, asked, false, frame, frame_bytes) != MESSAGE_OK)
		return false;
	m->records.ede = from->ede;
	m->records.ede_text_bytes = from->ede_text_bytes;
	m->records.ede_text = from->ede_text;
	m->records.authentic = from->authentic;
	return true;
}
