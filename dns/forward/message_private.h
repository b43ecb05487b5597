/*
 * Private to message.c and message_data.c: the work on one message.
 */
#ifndef DNS_FORWARD_MESSAGE_PRIVATE_H
#define DNS_FORWARD_MESSAGE_PRIVATE_H

#include "dns/forward/message.h"
#include "dns/forward/unpack.h"

enum { TYPE_RRSIG = 46, TYPE_NSEC = 47, TYPE_NSEC3 = 50, TYPE_DNAME = 39, TYPE_NAPTR = 35 };
enum { NAMES_MAX = 32, FIXED_BYTES = 10 };

struct reading {
	struct message *m;
	const struct question *asked;
	const uint8_t *wire;
	size_t at, length;
	struct writer w;
	struct packer packer;
	unsigned kept;
	bool answered; /* a record of the asked type was kept */
	bool broken;
	struct name_key chain[NAMES_MAX]; /* the asked name and where its CNAMEs lead */
	unsigned chain_count;
	struct name_key targets[NAMES_MAX]; /* names that kept records lead to */
	unsigned target_count;
};

/* A record as it stands in the message. */
struct raw {
	uint8_t owner[NAME_BYTES];
	size_t owner_bytes;
	struct name_key owner_key;
	const uint8_t *fixed; /* type, class, TTL, data length */
	unsigned type;
	size_t data_at, data_bytes;
};

/* Writes the data of a record, names in it anew, and notes where they lead. False: it is not what its type says. */
bool data_write(struct reading *r, const struct raw *raw);

static inline void names_add(struct name_key names[NAMES_MAX], unsigned *count, const uint8_t *name, size_t length)
{
	if (*count < NAMES_MAX)
		name_key(&names[(*count)++], name, length);
}

#endif
