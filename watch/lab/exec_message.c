/* Packs and checks the messages of exec probes. */
#include "watch/lab/exec_message.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "watch/identity.h"

struct head {
	uint32_t place, timeout_ms, count; /* of the command's texts */
};

#define FIXED_TEXTS 3 /* netns, address, port */

static size_t add(char *to, size_t at, const char *text)
{
	const size_t n = strlen(text) + 1;

	if (at == 0 || n > EXEC_REQUEST_MAX_BYTES - at)
		return 0;
	memcpy(to + at, text, n);
	return at + n;
}

size_t exec_request_pack(char to[EXEC_REQUEST_MAX_BYTES], const struct exec_request *r)
{
	struct head head = {.place = r->place, .timeout_ms = r->timeout_ms};
	size_t at = sizeof head;

	if (r->timeout_ms != 0) {
		at = add(to, add(to, add(to, at, r->netns), r->address), r->port);
		for (; r->command[head.count] != NULL; head.count++)
			at = add(to, at, r->command[head.count]);
	}
	memcpy(to, &head, sizeof head);
	return at;
}

static bool heads_well(const struct head *h)
{
	if (h->place >= EXEC_PLACES || h->timeout_ms > EXEC_TIMEOUT_MAX_MS)
		return false;
	return h->timeout_ms == 0 ? h->count == 0 : h->count != 0 && h->count <= PROBE_COMMAND_MAX;
}

/* The next text; NULL: there is none. */
static const char *next(const char **at, const char *end)
{
	const char *text = *at, *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;

	*at = nul != NULL ? nul + 1 : end;
	return nul != NULL ? text : NULL;
}

static bool texts_unpack(struct exec_request *r, const char *at, const char *end, uint32_t count)
{
	r->netns = next(&at, end);
	r->address = next(&at, end);
	r->port = next(&at, end);
	if (r->port == NULL || (r->netns[0] != '\0' && !name_is_netns(r->netns)))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if ((r->command[i] = next(&at, end)) == NULL)
			return false;
	return at == end && r->command[0][0] != '\0';
}

bool exec_request_unpack(struct exec_request *r, const char *bytes, size_t length)
{
	struct head head;

	if (length < sizeof head || length > EXEC_REQUEST_MAX_BYTES)
		return false;
	memcpy(&head, bytes, sizeof head);
	*r = (struct exec_request){.place = head.place, .timeout_ms = head.timeout_ms};
	if (!heads_well(&head))
		return false;
	if (head.count == 0)
		return length == sizeof head;
	return texts_unpack(r, bytes + sizeof head, bytes + length, head.count);
}

bool exec_result_unpack(struct exec_result *r, const char *bytes, size_t length)
{
	if (length != sizeof *r)
		return false;
	memcpy(r, bytes, sizeof *r);
	return r->place < EXEC_PLACES && r->end <= EXEC_NOT_STARTED && r->length <= sizeof r->text;
}

void exec_result_format(char *to, size_t room, const struct exec_result *r)
{
	const char *error = strerrordesc_np(r->code);
	int n;

	switch ((enum exec_end)r->end) {
	case EXEC_TIMEOUT:
		snprintf(to, room, "timeout");
		return;
	case EXEC_OUTPUT:
		snprintf(to, room, "more than 1 MiB of output");
		return;
	case EXEC_NOT_STARTED:
		snprintf(to, room, "cannot be started: %s", error != NULL ? error : "?");
		return;
	case EXEC_EXITED:
		break;
	}
	n = snprintf(to, room, "exit code %d%s", r->code, r->length != 0 ? ": " : "");
	if (r->length != 0 && n > 0 && (size_t)n < room)
		text_escape(to + n, room - (size_t)n, r->text, r->length);
}
