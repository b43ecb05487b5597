/*
 * One event of a watch, read out of its JSON envelope: {"type": …, "object": {…}}. Borrowed spans. Pure.
 */
#ifndef WATCH_API_REFLECTOR_EVENT_H
#define WATCH_API_REFLECTOR_EVENT_H

#include "watch/api/span.h"

#define VERSION_TEXT_BYTES 64 /* resourceVersion: opaque, today a decimal uint64 */
#define OBJECT_NAME_BYTES 256 /* names and namespaces are at most 253 bytes */

enum event_type { EVENT_UNKNOWN, EVENT_ADDED, EVENT_MODIFIED, EVENT_DELETED, EVENT_BOOKMARK, EVENT_ERROR };

struct event {
	enum event_type type;
	struct span object;
	char version[VERSION_TEXT_BYTES]; /* metadata.resourceVersion; "" = none */
	bool initial_end;		  /* bookmark: the streaming list ends here (KEP-3157) */
	int code;			  /* error: code of the Status, 0 = none */
};

/* False when `value` is no watch event: neither type nor object. */
bool event_read(struct span value, struct event *e);

struct object_name {
	char ns[OBJECT_NAME_BYTES], name[OBJECT_NAME_BYTES];
};

/* Namespace ("" for none) and name of an object, also of a cut one. False: it has no usable name. */
bool object_name_read(struct span object, struct object_name *n);

#endif
