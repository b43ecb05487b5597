/*
 * Any bytes as a reply to `fairlead query`: refused, or lines without control characters. As the input stands, and with
 * its head made to answer the question, so that the rest is reached.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/query_message.h"

#define REPLY_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *message, size_t size, const uint8_t *query, size_t query_bytes)
{
	enum outcome outcome = OUTCOME_NONE;
	struct buf text = {0};
	size_t bytes;

	if (query_reply_read(message, size, query, query_bytes, &outcome, &text)) {
		if (outcome == OUTCOME_NONE || text.length_bytes == 0)
			abort();
		for (size_t at = 0; at < text.length_bytes; at += bytes) {
			uint32_t c = text_character(text.data + at, text.length_bytes - at, &bytes);
			if (c != '\n' && !text_is_printable(c))
				abort();
		}
	}
	buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t query[QUERY_BYTES_MAX], reply[REPLY_MAX + QUERY_BYTES_MAX];
	size_t query_bytes = query_make(query, "web.default.svc.cluster.local", 1, 0, 0x1234);
	size_t question_end = 12 + 31 + 4; /* the name, its type and class */

	check(data, size, query, query_bytes);
	if (size < 12 || size > REPLY_MAX || query_bytes < question_end)
		return 0;
	memcpy(reply, query, question_end);
	memcpy(reply + 2, data + 2, 10); /* flags and counts */
	reply[2] |= 0x80;
	reply[4] = 0;
	reply[5] = 1;
	memcpy(reply + question_end, data + 12, size - 12);
	check(reply, question_end + size - 12, query, query_bytes);
	return 0;
}
