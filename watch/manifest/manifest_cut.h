/*
 * Cuts a manifest file into the pieces that are decoded, and decoded again, on their own: its YAML documents, and the
 * items of a list in the layout that `kubectl get -o yaml` prints, which puts a whole cluster into one document.
 */
#ifndef WATCH_MANIFEST_MANIFEST_CUT_H
#define WATCH_MANIFEST_MANIFEST_CUT_H

#include "watch/manifest/yaml_text.h"

/*
 * Documents and items of one file: so many, or one for so many bytes. The shortest that says anything has 48 bytes, and
 * what is kept of each takes 100.
 */
#define CUT_DOCUMENTS_MIN 100000
#define CUT_BYTES_PER_DOCUMENT 32

struct cut { /* small: a file may have a million */
	const char *text;
	size_t length_bytes;
	uint64_t hash;
	uint32_t line;
	bool item; /* one element of a list: in JSON an object, in YAML a sequence of one */
	bool rest; /* all that is behind the last document that is read */
};

static inline struct yaml_chunk cut_chunk(const struct cut *c)
{
	return (struct yaml_chunk){c->text, c->length_bytes, c->line, c->rest};
}

struct cuts { /* zero = empty */
	struct cut *all;
	size_t count, room;
	size_t most;	  /* what is beyond is one piece, which is not read */
	const char *rest; /* where that begins; NULL: nothing is beyond */
	uint32_t rest_line;
};

/* The pieces of a file, in order; they point into the text. */
struct cuts cuts_of(const char *text, size_t length_bytes);
void cuts_fini(struct cuts *c);
/* The same hash as cuts_of gives. */
uint64_t cut_hash(const struct yaml_chunk *chunk, bool item);

#endif
