/* Where the name that is being answered stands in a reply. */
#ifndef DNS_ANSWER_OWNER_REF_H
#define DNS_ANSWER_OWNER_REF_H

#include "dns/wire/name.h"

/*
 * A name that is being answered and where it stands in the message, so that records can point at it. A name that
 * was written as record data ends in a pointer to the apex, which stands in the question.
 */
struct owner_ref {
	const struct name *name;
	unsigned above;	  /* labels in front of the apex */
	unsigned at;	  /* offset of its first label */
	unsigned zone_at; /* offset of the apex */
};

static inline unsigned owner_ref_at(const struct owner_ref *s, unsigned label)
{
	return label < s->above ? s->at + s->name->label_at[label] : s->zone_at;
}

#endif
