/*
 * Reads one document of a manifest: text to objects, and what is wrong with it in one line for each object. It knows no
 * catalog, so that another thread may do it. A parser is one thread's at a time.
 */
#ifndef WATCH_MANIFEST_MANIFEST_PARSER_H
#define WATCH_MANIFEST_MANIFEST_PARSER_H

#include "watch/decode/decode_sink.h"
#include "watch/manifest/yaml_text.h"

/* What a document says, in its order; texts live until the call returns. All but object may be NULL. */
struct document_sink {
	void *ctx;
	void (*object)(void *ctx, struct object *o, uint32_t line); /* ownership passes */
	void (*problem)(void *ctx, const struct decode_problem *p);
	void (*refused)(void *ctx, const char *kind, const char *ns, const char *name); /* see decode.h */
	void (*unknown)(void *ctx, const struct decode_unknown *u);
	void (*unreadable)(void *ctx); /* it is no YAML, and may define anything. After its problem. */
};

struct manifest_parser;

struct manifest_parser *manifest_parser_new(void);
void manifest_parser_free(struct manifest_parser *p);
/* item: one element of a list that was cut (manifest_cut.h). */
void manifest_parser_read(struct manifest_parser *p, const struct yaml_chunk *chunk, bool item,
			  const struct document_sink *sink);

#endif
