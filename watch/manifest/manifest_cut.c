/* Cuts a manifest file into documents and list items. */
#include "watch/manifest/manifest_cut.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "watch/api/stream.h"
#include "watch/manifest/json_text.h"

uint64_t cut_hash(const struct yaml_chunk *chunk, bool item)
{
	return hash_bytes(chunk->text, chunk->length_bytes, item);
}

static void cut_add(struct cuts *c, const struct yaml_chunk *chunk, bool item)
{
	if (c->count >= c->most) {
		c->rest = c->rest != NULL ? c->rest : chunk->text;
		c->rest_line = c->rest == chunk->text ? chunk->line : c->rest_line;
		return;
	}
	c->all = mem_grow(c->all, c->count, &c->room, sizeof *c->all);
	c->all[c->count++] =
		(struct cut){chunk->text, chunk->length_bytes, cut_hash(chunk, item), chunk->line, item, false};
}

/* It was not cut in this way: without what was added since. */
static void cut_back(struct cuts *c, size_t count)
{
	c->count = count;
	c->rest = NULL; /* there was none: nothing is cut behind it */
}

static void rest_add(struct cuts *c, const char *end)
{
	const struct yaml_chunk rest = {c->rest, (size_t)(end - c->rest), c->rest_line, true};

	c->most = SIZE_MAX;
	cut_add(c, &rest, false);
	c->all[c->count - 1].rest = true;
	c->all[c->count - 1].hash ^= 1; /* the same text may be a document one day */
}

void cuts_fini(struct cuts *c)
{
	free(c->all);
	*c = (struct cuts){0};
}

/* ---- the layout of kubectl's lists ---- */

/*
 *   apiVersion: v1
 *   items:
 *   - apiVersion: v1
 *     …
 *   kind: List
 *   metadata:
 *     resourceVersion: ""
 *
 * Nothing inside an item can start a line at column 0 but the item itself: block scalars and continued lines are
 * indented deeper than what holds them. In quotes and in flow collections libyaml takes any line, so the former must
 * end on their own, and of the latter no line may start there. Any other line at column 0 than these, an anchor's alias
 * or a merge key: the document is not cut.
 */
enum where { IN_HEAD, IN_ITEMS, IN_TAIL_METADATA };

struct list_reader {
	struct cuts *cuts;
	struct yaml_chunk item; /* text NULL: none open */
	enum where where;
	bool has_version, has_kind, has_items;
	struct flow {	      /* collections: [ and { */
		size_t depth; /* so many are open */
		bool value;   /* may begin here; a quote inside of one is a letter */
	} flow;
};

static bool line_is(const char *line, size_t bytes, const char *text)
{
	size_t n = strlen(text);

	if (bytes > 0 && line[bytes - 1] == '\n')
		bytes--;
	return bytes == n && memcmp(line, text, n) == 0;
}

/* After the closing quote; NULL: it is not on this line. */
static const char *quoted_end(const char *at, const char *end)
{
	const char quote = *at++;

	for (; at < end; at++) {
		if (*at == '\\' && quote == '"')
			at++;
		else if (*at == '\'' && quote == '\'' && at + 1 < end && at[1] == '\'')
			at++;
		else if (*at == quote)
			return at + 1;
	}
	return NULL;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* One sign in a flow collection, or a quoted scalar. After it; NULL: it may run on, over what looks like an end. */
static const char *flow_step(struct flow *f, const char *at, const char *end)
{
	bool value = f->value;

	f->value = false;
	switch (*at) {
	case '[':
	case '{':
		f->depth++;
		f->value = true;
		break;
	case ']':
	case '}':
		f->depth--;
		break;
	case ',':
	case ':':
	case '?':
		f->value = true;
		break;
	case '#':
		if (at[-1] == ' ' || at[-1] == '\t')
			return end;
		break;
	case '"':
	case '\'':
		return value ? quoted_end(at, end) : at + 1;
	case '!':
	case '&':
		return value ? NULL : at + 1;
	default:
		break;
	}
	return at + 1;
}

/* After the end of the flow collection; end: it goes on on the next line; NULL: as flow_step. */
static const char *flow_read(struct list_reader *r, const char *at, const char *end)
{
	struct flow f = r->flow;

	do {
		if (*at == ' ' || *at == '\t' || *at == '\n')
			at++;
		else
			at = flow_step(&f, at, end);
		while (at != NULL && at < end && is_letter(*at)) { /* most are */
			f.value = false;
			at++;
		}
	} while (at != NULL && at < end && f.depth != 0);
	r->flow = f;
	return at;
}

/* A value, or a key, that may not end on its line. */
static bool token_runs_on(const char *at, const char *end)
{
	switch (*at) {
	case '"':
	case '\'':
		return quoted_end(at, end) == NULL;
	default:
		return *at == '&' || *at == '!' || *at == '?';
	}
}

/* True for some text in block scalars, too: no harm. */
static bool runs_on(struct list_reader *r, const char *at, const char *end)
{
	if (r->flow.depth != 0 && (at = flow_read(r, at, end)) == NULL)
		return true;
	while (at != NULL && at < end) {
		if (*at == ' ' || *at == '-' || *at == ':' || *at == '\t') {
			at++;
		} else if (*at == '[' || *at == '{') {
			at = flow_read(r, at, end);
			if (at == NULL)
				return true;
		} else if (token_runs_on(at, end)) {
			return true;
		} else {
			at = memchr(at, ':', (size_t)(end - at));
		}
	}
	return false;
}

static void item_close(struct list_reader *r, const char *end)
{
	if (r->item.text == NULL)
		return;
	r->item.length_bytes = (size_t)(end - r->item.text);
	cut_add(r->cuts, &r->item, true);
	r->item.text = NULL;
}

/* A line at column 0 that is no item. */
static bool top_line(struct list_reader *r, const char *line, size_t bytes)
{
	item_close(r, line);
	r->where = IN_HEAD;
	if (line_is(line, bytes, "apiVersion: v1"))
		r->has_version = true;
	else if (line_is(line, bytes, "kind: List"))
		r->has_kind = true;
	else if (line_is(line, bytes, "items:") && !r->has_items)
		r->has_items = true, r->where = IN_ITEMS;
	else if (line_is(line, bytes, "metadata:"))
		r->where = IN_TAIL_METADATA;
	else
		return line_is(line, bytes, "---") && !r->has_version && !r->has_kind && !r->has_items;
	return true;
}

static bool list_line(struct list_reader *r, const char *line, size_t bytes, uint32_t number)
{
	if (line[0] == '\n' || line[0] == '#')
		return true;
	if (line[0] != ' ' && r->flow.depth != 0)
		return false;
	if (line[0] != ' ' && (line[0] != '-' || bytes < 3 || line[1] != ' '))
		return top_line(r, line, bytes); /* none of these run on; all of a JSON document may be one */
	if (runs_on(r, line, line + bytes))
		return false;
	if (line[0] == ' ')
		return r->item.text != NULL || r->where == IN_TAIL_METADATA;
	if (r->where != IN_ITEMS)
		return false;
	item_close(r, line);
	r->item = (struct yaml_chunk){.text = line, .line = number};
	return true;
}

/* False, and nothing added: it is not such a list. */
static bool list_cut(struct cuts *c, const struct yaml_chunk *chunk)
{
	struct list_reader r = {.cuts = c};
	const char *at = chunk->text, *end = chunk->text + chunk->length_bytes;
	size_t before = c->count;
	uint32_t number = chunk->line;
	bool fits = true;

	for (; at < end && fits; number++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t bytes = newline != NULL ? (size_t)(newline - at) + 1 : (size_t)(end - at);
		fits = list_line(&r, at, bytes, number);
		at += bytes;
	}
	item_close(&r, at);
	if (fits && r.has_version && r.has_kind && r.has_items &&
	    memmem(chunk->text, chunk->length_bytes, " *", 2) == NULL &&
	    !yaml_has_odd_breaks(chunk->text, chunk->length_bytes))
		return true;
	cut_back(c, before);
	return false;
}

/* ---- lists in JSON ---- */

struct json_list {
	struct cuts *cuts;
	const char *counted; /* lines are counted up to here */
	uint32_t line;
};

static void count_lines(struct json_list *j, const char *to)
{
	while ((j->counted = memchr(j->counted, '\n', (size_t)(to - j->counted))) != NULL) {
		j->counted++;
		j->line++;
	}
	j->counted = to;
}

static bool json_item(void *ctx, struct span value, bool cut)
{
	struct json_list *j = ctx;
	struct yaml_chunk item;

	(void)cut; /* there is no limit here: the text is in memory as a whole */
	count_lines(j, value.bytes);
	item = (struct yaml_chunk){.text = value.bytes, .length_bytes = value.length_bytes, .line = j->line};
	cut_add(j->cuts, &item, true);
	return true;
}

/* The frame is the document without its items. */
static bool is_list_frame(struct span frame)
{
	char kind[8], version[8];

	return span_member_text(frame, "kind", kind, sizeof kind) && strcmp(kind, "List") == 0 &&
	       span_member_text(frame, "apiVersion", version, sizeof version) && strcmp(version, "v1") == 0;
}

/* As list_cut, for what `kubectl get -o json` prints, or any other program: layout does not matter in JSON. */
static bool json_cut(struct cuts *c, const struct yaml_chunk *chunk)
{
	struct json_list list = {c, chunk->text, chunk->line};
	const char *open = memchr(chunk->text, '{', chunk->length_bytes);
	size_t before = c->count;
	struct stream s;
	bool fits;

	if (open == NULL || strspn(chunk->text, " \t\r\n") != (size_t)(open - chunk->text))
		return false;
	stream_init(&s, STREAM_LIST, &(struct stream_handler){&list, json_item});
	s.limit_bytes = s.limit_values = SIZE_MAX;
	fits = stream_feed(&s, chunk->text, chunk->length_bytes) && stream_complete(&s) &&
	       is_list_frame(stream_frame(&s)) && c->count > before;
	stream_fini(&s);
	if (!fits)
		cut_back(c, before);
	return fits;
}

static bool is_whole(void *ctx, struct span value, bool cut)
{
	const struct yaml_chunk *object = ctx;

	(void)cut;
	return value.bytes == object->text && value.length_bytes == object->length_bytes;
}

/*
 * YAML in braces is none: a quote within one of its plain scalars is a letter, so that brackets and strings, read as
 * JSON, seem to be others.
 */
static bool is_json(const struct yaml_chunk *object)
{
	struct stream s;
	bool is;

	stream_init(&s, STREAM_WATCH, &(struct stream_handler){(void *)(uintptr_t)object, is_whole});
	s.limit_bytes = s.limit_values = SIZE_MAX;
	is = stream_feed(&s, object->text, object->length_bytes) && stream_complete(&s);
	stream_fini(&s);
	return is;
}

/*
 * JSON objects one after the other, with blanks between them or nothing, and then YAML: kubectl would read the objects,
 * and fail at the YAML. One object alone is an ordinary document.
 */
static bool objects_cut(struct cuts *c, const struct yaml_chunk *chunk)
{
	struct yaml_chunk rest = *chunk, object;
	size_t before = c->count, after, values;

	while (c->rest == NULL && json_next_object(&rest, &object, &after, &values) && is_json(&object)) {
		cut_add(c, &object, false);
		rest = (struct yaml_chunk){
			.text = rest.text + after, .length_bytes = rest.length_bytes - after, .line = object.line};
		for (size_t i = 0; i < object.length_bytes; i++)
			rest.line += object.text[i] == '\n';
	}
	if (c->rest != NULL)
		return true;
	if (c->count == before)
		return false;
	if (!yaml_says_nothing(rest.text, rest.length_bytes))
		cut_add(c, &rest, false);
	if (c->count > before + 1 || c->rest != NULL)
		return true;
	cut_back(c, before);
	return false;
}

struct cuts cuts_of(const char *text, size_t length_bytes)
{
	const size_t dense = length_bytes / CUT_BYTES_PER_DOCUMENT;
	struct cuts c = {.most = dense > CUT_DOCUMENTS_MIN ? dense : CUT_DOCUMENTS_MIN};
	struct yaml_chunk chunk;
	size_t at = 0;
	uint32_t line = 1;

	while (c.rest == NULL && yaml_next_document(text, length_bytes, &at, &line, &chunk))
		if (!yaml_says_nothing(chunk.text, chunk.length_bytes) && !list_cut(&c, &chunk) &&
		    !json_cut(&c, &chunk) && !objects_cut(&c, &chunk))
			cut_add(&c, &chunk, false);
	if (c.rest != NULL)
		rest_add(&c, text + length_bytes);
	return c;
}
