/* Exec probes: a command, and the network namespace that it runs in. */
#include <string.h>

#include "watch/decode/decode_field.h"

#define NETNS_ANNOTATION "fairlead/probe-netns"

void decode_probe_exec(struct decoder *d, const struct place *action, struct probe_object *to)
{
	struct place list = place_key(action, "command");
	const size_t count = field_list(d, &list);
	const char **all = arena_array(d->scratch, count, sizeof *all);
	size_t index = 0, bytes = 0;

	for (const struct value *v = count != 0 ? list.v->first : NULL; v != NULL; v = v->next) {
		struct place item = place_item(&list, index, v);
		const char *text = field_string(d, &item);
		all[index] = text != NULL ? text : "";
		bytes += strlen(all[index++]) + 1;
	}
	if (count == 0 || all[0][0] == '\0')
		decode_error(d, &list, "a program is needed");
	else if (count > PROBE_COMMAND_MAX || bytes > PROBE_COMMAND_MAX_BYTES)
		decode_error(d, &list, "more than %d texts or %d bytes: call a script", PROBE_COMMAND_MAX,
			     PROBE_COMMAND_MAX_BYTES);
	to->action = PROBE_EXEC;
	to->path = "";
	to->command = all;
	to->command_count = count;
	to->netns = field_annotation(d, NETNS_ANNOTATION);
}

void decode_probe_netns(struct decoder *d, const struct place *root, const struct probe_set *sets, size_t count)
{
	struct place metadata = place_key(root, "metadata"), annotations = place_key(&metadata, "annotations");
	struct place annotation = place_key(&annotations, NETNS_ANNOTATION);
	const char *name = field_annotation(d, NETNS_ANNOTATION);
	bool any = false;

	for (size_t i = 0; i < count; i++)
		for (unsigned k = 0; k < PROBE_ROLES; k++)
			any = any || sets[i].of[k].action == PROBE_EXEC;
	if (name != NULL && !name_is_netns(name))
		decode_error(d, &annotation, "\"%.70s\" is not a name in /run/netns", name);
	else if (name != NULL && !any)
		decode_warning(d, &annotation, "is for exec probes, and there is none");
}
