/* The keys `kind` and `apiVersion` in a text that no parser reads. */
#include "watch/manifest/manifest_kind.h"

#include <string.h>

#include "watch/decode/kinds.h"

#define WORD_BYTES 128

struct shown {
	unsigned kinds, versions;
	char kind[WORD_BYTES], version[WORD_BYTES]; /* "" where something else stands than a word */
};

static bool is_unknown(const char *version, const char *kind)
{
	const char *meant;

	return kind[0] != '\0' && !kind_is_list(kind) &&
	       (kind_is_workload(kind) || kind_match(version, kind, &meant) == KIND_UNKNOWN);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *blanks_skip(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

/* Takes a word, in quotes or not, and returns what is behind it. */
static const char *word_take(const char *at, const char *end, char word[WORD_BYTES])
{
	const char quote = at < end && (*at == '"' || *at == '\'') ? *at++ : '\0';
	size_t n = 0;

	while (at < end && n + 1 < WORD_BYTES &&
	       ((*at >= 'A' && *at <= 'Z') || (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '/' ||
		*at == '.' || *at == '-'))
		word[n++] = *at++;
	word[n] = '\0';
	if (quote != '\0' && at < end && *at == quote)
		at++;
	else if (quote != '\0')
		word[0] = '\0';
	return at;
}

/* The value behind a key, if the key is one of the two. */
static void pair_note(struct shown *s, const char *key, const char *at, const char *end)
{
	const bool kind = strcmp(key, "kind") == 0;
	char *word = kind ? s->kind : s->version;

	if (!kind && strcmp(key, "apiVersion") != 0)
		return;
	*(kind ? &s->kinds : &s->versions) += 1;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	at = word_take(at, end, word);
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
		at++;
	if (at < end && strchr("#,}\n", *at) == NULL)
		word[0] = '\0';
}

/* ---- YAML's block style ---- */

static size_t indent_of(const char *at, const char *end)
{
	size_t n = 0;

	while (at + n < end && at[n] == ' ')
		n++;
	return n;
}

static void lines_read(struct shown *s, const char *at, const char *end, size_t indent)
{
	char key[WORD_BYTES];

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop != NULL ? stop : end;
		if (indent_of(at, stop) == indent) {
			const char *colon = word_take(at + indent, stop, key);
			if (colon < stop && *colon == ':')
				pair_note(s, key, colon + 1, stop);
		}
		at = stop < end ? stop + 1 : end;
	}
}

static bool block_is_unknown(const struct yaml_chunk *chunk, bool item)
{
	const char *at = chunk->text, *end = at + chunk->length_bytes;
	struct shown s = {0};
	char key[WORD_BYTES];
	size_t indent = 0;

	if (item && at < end && *at == '-') { /* "- kind: Pod": its other keys are as deep as this one */
		indent = 1 + indent_of(at + 1, end);
		const char *colon = word_take(at + indent, end, key);
		if (colon < end && *colon == ':')
			pair_note(&s, key, colon + 1,
				  memchr(colon, '\n', (size_t)(end - colon)) != NULL
					  ? memchr(colon, '\n', (size_t)(end - colon))
					  : end);
		at = memchr(at, '\n', (size_t)(end - at));
		at = at != NULL ? at + 1 : end;
	}
	lines_read(&s, at, end, indent);
	return s.kinds == 1 && s.versions <= 1 && is_unknown(s.version, s.kind);
}

/* ---- JSON ---- */

/* Behind the string that begins here, the key or value that it is in *word. */
static const char *string_take(const char *at, const char *end, char word[WORD_BYTES])
{
	const char *after;

	word_take(at, end, word);
	for (after = at + 1; after < end && *after != '"' && *after != '\n'; after++)
		after += *after == '\\' && after + 1 < end;
	return after < end ? after + 1 : end;
}

static bool json_is_unknown(const struct yaml_chunk *chunk)
{
	const char *at = chunk->text, *end = at + chunk->length_bytes;
	struct shown top = {0}, below;
	char word[WORD_BYTES];
	size_t depth = 0;
	bool ours = false;

	while (at < end && !ours) {
		if (*at == '"') {
			at = blanks_skip(string_take(at, end, word), end);
			if (at == end || *at != ':')
				continue;
			below = (struct shown){0};
			pair_note(depth == 1 ? &top : &below, word, blanks_skip(at + 1, end), end);
			ours = below.kind[0] != '\0' && !is_unknown("", below.kind);
			continue;
		}
		depth += *at == '{' || *at == '[';
		depth -= depth > 0 && (*at == '}' || *at == ']');
		at++;
	}
	return !ours && top.kinds == 1 && top.versions <= 1 && is_unknown(top.version, top.kind);
}

bool text_shows_unknown_kind(const struct yaml_chunk *chunk, bool item)
{
	const char *at = blanks_skip(chunk->text, chunk->text + chunk->length_bytes);

	if (at < chunk->text + chunk->length_bytes && *at == '{')
		return json_is_unknown(chunk);
	return block_is_unknown(chunk, item);
}
