/*
 * Any bytes as a request of an exec probe: refused, or one that packs to the same bytes and stays within its bounds;
 * and as a result of one, whose text has no control character.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "watch/identity.h"
#include "watch/lab/exec_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void request(const char *bytes, size_t size)
{
	static char again[EXEC_REQUEST_MAX_BYTES];
	struct exec_request r;
	size_t count = 0;

	if (!exec_request_unpack(&r, bytes, size))
		return;
	must(r.place < EXEC_PLACES && r.timeout_ms <= EXEC_TIMEOUT_MAX_MS);
	if (r.timeout_ms != 0) {
		must(r.netns[0] == '\0' || name_is_netns(r.netns));
		while (r.command[count] != NULL)
			count++;
		must(count != 0 && count <= PROBE_COMMAND_MAX && r.command[0][0] != '\0');
	}
	must(exec_request_pack(again, &r) == size && memcmp(again, bytes, size) == 0);
}

static void result(const char *bytes, size_t size)
{
	char text[128];
	struct exec_result r;
	size_t n;

	if (!exec_result_unpack(&r, bytes, size))
		return;
	exec_result_format(text, sizeof text, &r);
	for (size_t at = 0; text[at] != '\0'; at += n)
		must(text_is_printable(text_character(text + at, strlen(text + at), &n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size + 1); /* its end is seen by a sanitizer */

	memcpy(exact, data, size);
	exact = realloc(exact, size != 0 ? size : 1);
	request(exact, size);
	result(exact, size);
	free(exact);
	return 0;
}
