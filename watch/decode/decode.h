/*
 * From a value tree to objects: defaults as the API server fills them in, and reports every problem.
 *
 * Two users. Manifests (strict): what the API server would refuse is an error and the object is refused, so that its
 * last good version stays. API server (lenient): whatever kube-proxy would accept is accepted; a bad part is skipped
 * with a warning and only an object without identity is refused. Main thread.
 */
#ifndef WATCH_DECODE_DECODE_H
#define WATCH_DECODE_DECODE_H

#include "watch/object.h"
#include "watch/decode/value.h"

struct decode_problem {
	uint32_t line;	   /* 0 = not known (JSON of an API server) */
	const char *kind;  /* "Service"; "" when not known */
	const char *ns;	   /* "" for cluster-scoped kinds or when not known */
	const char *name;  /* "" when not known */
	const char *field; /* "spec.ports[1].port"; "" = the whole document */
	const char *reason;
	bool refused; /* error: the object is refused; else the part is skipped */
	/* Of problems.h: how many more the object has, and some of their fields. */
	size_t more;
	const char *more_fields; /* "spec.type, spec.ports[0]"; read only when there are more */
};

#define PROBLEM_TEXT_BYTES 1024
/*
 * "file:line: kind ns/name: field: reason" without what is not known, and "; and 2 more: fields" when there are more;
 * file may be NULL. Returns text.
 */
const char *decode_problem_format(char text[PROBLEM_TEXT_BYTES], const char *file, const struct decode_problem *p);

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

struct decoder;

enum kind_match {
	KIND_OURS,
	KIND_MISTYPED,	       /* *meant: the kind that is near it */
	KIND_VERSION_MISTYPED, /* a kind of ours; *meant: the version that is read */
	KIND_FOREIGN,
};
/* api_version "": any will do. */
enum kind_match decode_match_kind(const char *api_version, const char *kind, const char **meant);
struct decoder *decoder_new(bool lenient);
void decoder_free(struct decoder *d);
/*
 * One document: an object, `kind: List` or a typed list (ServiceList…) of objects. NULL (an empty document) is fine.
 * An Endpoints object becomes slices named NAME:endpoints-ipv4-0, … (a colon is in no other name).
 */
void decode_document(struct decoder *d, const struct value *v, const struct decode_sink *sink);
/*
 * One object that need not say its kind and version itself: an item of an API server's list. (NULL for both: it must
 * say them, and a list in a list is nothing.) Neither object() nor refused() was called: the object is valid and not
 * ours (an FQDN slice, a slice without a Service).
 */
void decode_item(struct decoder *d, const char *kind, const char *api_version, const struct value *v,
		 const struct decode_sink *sink);

#endif
