#include "watch/manifest/manifest_kind.h"

#include <string.h>

#include "watch/decode/decode.h"

#define KEY "kind:"

/* The word between the key and the line's end or a comment. False: something else stands there. */
static bool word_of(const char *text, const char *end, char *word, size_t room)
{
	size_t n = 0;

	while (text < end && (*text == ' ' || *text == '\t'))
		text++;
	while (text < end && n + 1 < room && ((*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z')))
		word[n++] = *text++;
	word[n] = '\0';
	while (text < end && (*text == ' ' || *text == '\t' || *text == '\r'))
		text++;
	return n != 0 && (text == end || *text == '#');
}

static bool is_foreign(const char *word)
{
	size_t n = strlen(word);

	return !decode_knows_kind(word) && (n < 4 || strcmp(word + n - 4, "List") != 0);
}

bool text_shows_foreign_kind(const struct yaml_chunk *chunk)
{
	const char *at = chunk->text, *end = at + chunk->length_bytes;
	char word[128];
	unsigned kinds = 0;
	bool foreign = false;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop != NULL ? stop : end;
		if ((size_t)(stop - at) > strlen(KEY) && memcmp(at, KEY, strlen(KEY)) == 0) {
			kinds++;
			foreign = word_of(at + strlen(KEY), stop, word, sizeof word) && is_foreign(word);
		}
		at = stop < end ? stop + 1 : end;
	}
	return kinds == 1 && foreign;
}
