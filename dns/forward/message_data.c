/* The data of upstreams' records: names in it are read and written anew (RFC 3597 4 lists the types). */
#include "dns/forward/message_private.h"

/* How the data of a type is made: bytes, names, bytes (RFC 3597 4 lists all that may be compressed). */
struct shape {
	uint16_t type;
	uint8_t prefix, names, suffix;
	bool compress; /* on writing */
};

static const struct shape shapes[] = {
	{TYPE_NS, 0, 1, 0, true},	 {TYPE_CNAME, 0, 1, 0, true},	{TYPE_PTR, 0, 1, 0, true},
	{TYPE_SOA, 0, 2, 20, true},	 {TYPE_MX, 2, 1, 0, true},	{TYPE_SRV, 6, 1, 0, false},
	{TYPE_DNAME, 0, 1, 0, false},	 {3, 0, 1, 0, true} /* MD */,	{4, 0, 1, 0, true} /* MF */,
	{7, 0, 1, 0, true} /* MB */,	 {8, 0, 1, 0, true} /* MG */,	{9, 0, 1, 0, true} /* MR */,
	{14, 0, 2, 0, true} /* MINFO */, {17, 0, 2, 0, false} /* RP */, {18, 2, 1, 0, false} /* AFSDB */,
	{21, 2, 1, 0, false} /* RT */,	 {26, 2, 2, 0, false} /* PX */, {36, 2, 1, 0, false} /* KX */,
};

static const struct shape *shape_find(unsigned type)
{
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (shapes[i].type == type)
			return &shapes[i];
	return NULL;
}

/* Bytes in front of the name in NAPTR data: order, preference, three texts; 0: broken. */
static size_t naptr_prefix(const struct reading *r, const struct raw *raw)
{
	size_t at = 4;

	for (unsigned text = 0; text < 3; text++) {
		if (at >= raw->data_bytes)
			return 0;
		at += 1U + r->wire[raw->data_at + at];
	}
	return at < raw->data_bytes ? at : 0;
}

static void note_target(struct reading *r, const struct raw *raw, const uint8_t *name, size_t length)
{
	if (raw->type == TYPE_CNAME)
		names_add(r->chain, &r->chain_count, name, length);
	else
		names_add(r->targets, &r->target_count, name, length);
}

/* Data with names in it. False: it is not what its type says. */
static bool data_names(struct reading *r, const struct raw *raw, size_t prefix, const struct shape *shape)
{
	size_t at = raw->data_at, end = raw->data_at + raw->data_bytes;
	uint8_t name[NAME_BYTES];

	if (prefix > raw->data_bytes)
		return false;
	writer_bytes(&r->w, r->wire + at, prefix);
	at += prefix;
	for (unsigned i = 0; i < shape->names; i++) {
		size_t length = unpack_name(name, r->wire, end, &at);
		if (length == 0)
			return false;
		if (shape->compress)
			pack_name(&r->packer, &r->w, name, length);
		else
			pack_plain(&r->packer, &r->w, name, length);
		note_target(r, raw, name, length);
	}
	if (at + shape->suffix != end)
		return false;
	writer_bytes(&r->w, r->wire + at, shape->suffix);
	return true;
}

/* SVCB and HTTPS: the target is never compressed (RFC 9460 2.2: its data goes on as it is); "." stands for the owner.
 */
static bool data_svcb(struct reading *r, const struct raw *raw)
{
	size_t at = raw->data_at + 2;
	uint8_t name[NAME_BYTES];
	size_t length = raw->data_bytes < 3 ? 0 : unpack_name(name, r->wire, raw->data_at + raw->data_bytes, &at);

	if (length == 0 || at - raw->data_at - 2 != length)
		return false;
	if (length == 1)
		note_target(r, raw, raw->owner, raw->owner_bytes);
	else
		note_target(r, raw, name, length);
	writer_bytes(&r->w, r->wire + raw->data_at, raw->data_bytes);
	return true;
}

bool data_write(struct reading *r, const struct raw *raw)
{
	static const struct shape naptr = {TYPE_NAPTR, 0, 1, 0, false};
	const struct shape *shape = shape_find(raw->type);

	if (shape != NULL)
		return data_names(r, raw, shape->prefix, shape);
	if (raw->type == TYPE_NAPTR) {
		size_t prefix = naptr_prefix(r, raw);
		return prefix > 0 && data_names(r, raw, prefix, &naptr);
	}
	if (raw->type == TYPE_SVCB || raw->type == TYPE_HTTPS)
		return data_svcb(r, raw);
	if ((raw->type == TYPE_A && raw->data_bytes != 4) || (raw->type == TYPE_AAAA && raw->data_bytes != 16))
		return false;
	writer_bytes(&r->w, r->wire + raw->data_at, raw->data_bytes);
	return true;
}
