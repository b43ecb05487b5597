/* Reads one watch event. */
#include "watch/api/reflector_event.h"

#include <string.h>

static enum event_type type_read(struct span value)
{
	static const char *const names[] = {[EVENT_ADDED] = "ADDED",
					    [EVENT_MODIFIED] = "MODIFIED",
					    [EVENT_DELETED] = "DELETED",
					    [EVENT_BOOKMARK] = "BOOKMARK",
					    [EVENT_ERROR] = "ERROR"};
	char text[16];

	span_member_text(value, "type", text, sizeof text);
	for (enum event_type type = EVENT_ADDED; type <= EVENT_ERROR; type++)
		if (strcmp(text, names[type]) == 0)
			return type;
	return EVENT_UNKNOWN;
}

static void bookmark_read(struct span metadata, struct event *e)
{
	struct span annotations;
	char text[8] = "";

	if (span_member(metadata, "annotations", &annotations))
		span_member_text(annotations, "k8s.io/initial-events-end", text, sizeof text);
	e->initial_end = strcmp(text, "true") == 0;
}

bool event_read(struct span value, struct event *e)
{
	struct span metadata;

	*e = (struct event){.type = type_read(value)};
	if (!span_member(value, "object", &e->object))
		return false;
	if (e->type == EVENT_ERROR) {
		e->code = (int)span_member_number(e->object, "code", 0);
		return true;
	}
	if (span_member(e->object, "metadata", &metadata)) {
		span_member_text(metadata, "resourceVersion", e->version, sizeof e->version);
		if (e->type == EVENT_BOOKMARK)
			bookmark_read(metadata, e);
	}
	return true;
}

bool object_name_read(struct span object, struct object_name *n)
{
	struct span metadata;

	*n = (struct object_name){0};
	if (!span_member(object, "metadata", &metadata))
		return false;
	span_member_text(metadata, "namespace", n->ns, sizeof n->ns);
	return span_member_text(metadata, "name", n->name, sizeof n->name) && n->name[0] != '\0';
}
