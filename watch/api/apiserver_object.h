/*
 * One object's JSON to a struct object, and logs what is wrong with it: once for each thing that
 * is wrong, however often the server sends it. Inside of the API server source. Main thread.
 */
#ifndef WATCH_API_APISERVER_OBJECT_H
#define WATCH_API_APISERVER_OBJECT_H

#include "watch/object.h"
#include "watch/api/span.h"

struct object_reader;

enum object_verdict {
	OBJECT_USABLE,	 /* *out is the caller's */
	OBJECT_UNUSABLE, /* broken: what was known of it stays */
	OBJECT_NOT_OURS, /* fine, but nothing that fairlead serves (a slice without Service): as if it were not there */
};

struct object_reader *object_reader_new(void);
void object_reader_free(struct object_reader *r);
/* Logs the text if it was not logged before; texts that are long ago may come again. */
void object_warn_once(struct object_reader *r, const char *text);
/* Items of a list carry no kind of their own; it is `kind`, and an object that says otherwise is unusable. */
enum object_verdict object_read(struct object_reader *r, enum object_kind kind, struct span json, struct object **out);

#endif
