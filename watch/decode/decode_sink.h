/* Who is told what a document holds. */
#ifndef WATCH_DECODE_DECODE_SINK_H
#define WATCH_DECODE_DECODE_SINK_H

#include "watch/decode/problems.h"
#include "watch/object.h"

/* An object of a kind, or of a version, that is not read. */
struct decode_unknown {
	const char *api_version, *kind;
	const char *ns, *name; /* "" when it does not say */
	uint32_t line;
};

/* What a document holds, called in document order; texts live until the call returns. */
struct decode_sink {
	void *ctx;
	void (*object)(void *ctx, struct object *o, uint32_t line); /* ownership passes */
	void (*problem)(void *ctx, const struct decode_problem *p); /* see problems.h for one line per object */
	/* After the object's problems: it was refused. kind and name are "" when not known. May be NULL. */
	void (*refused)(void *ctx, const char *kind, const char *ns, const char *name);
	void (*unknown)(void *ctx, const struct decode_unknown *u); /* not a kind of ours. May be NULL */
	void (*end)(void *ctx);					    /* all was said about the object. May be NULL */
};

#endif
