/* Cuts a JSON byte stream into values. */
#include "watch/api/stream.h"

#include <string.h>

#define DEPTH_LIMIT 64 /* bits of stream.arrays; Kubernetes objects stay below 20 */

enum expect {
	EXPECT_VALUE,
	EXPECT_VALUE_OR_END, /* after [ */
	EXPECT_KEY,
	EXPECT_KEY_OR_END, /* after { */
	EXPECT_COLON,
	EXPECT_COMMA_OR_END,
	EXPECT_NOTHING, /* behind the document of a list */
};

void stream_init(struct stream *s, enum stream_shape shape, const struct stream_handler *handler)
{
	*s = (struct stream){.shape = shape,
			     .handler = *handler,
			     .limit_bytes = STREAM_VALUE_LIMIT_BYTES,
			     .limit_values = STREAM_VALUES_MAX};
}

void stream_fini(struct stream *s)
{
	buf_fini(&s->held);
	buf_fini(&s->frame);
	*s = (struct stream){0};
}

static bool malformed(struct stream *s, const char *why)
{
	s->error = why;
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool is_scalar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '-' || c == '+' || c == '.';
}

static bool in_array(const struct stream *s)
{
	return s->depth > 0 && ((s->arrays >> (s->depth - 1)) & 1) != 0;
}

static void value_ended(struct stream *s)
{
	if (s->depth > 0)
		s->expect = EXPECT_COMMA_OR_END;
	else
		s->expect = s->shape == STREAM_LIST ? EXPECT_NOTHING : EXPECT_VALUE;
}

static bool container_open(struct stream *s, bool array)
{
	if (s->expect != EXPECT_VALUE && s->expect != EXPECT_VALUE_OR_END)
		return malformed(s, "value where none may be");
	if (s->depth == DEPTH_LIMIT)
		return malformed(s, "nested too deeply");
	if (s->depth == 0 && array)
		return malformed(s, "array where an object must be");
	s->in_items |= array && s->depth == 1 && s->items_next;
	s->arrays &= ~(1ULL << s->depth);
	s->arrays |= (uint64_t)array << s->depth;
	s->depth++;
	s->item_values++;
	s->expect = array ? EXPECT_VALUE_OR_END : EXPECT_KEY_OR_END;
	return true;
}

static bool container_close(struct stream *s, bool array)
{
	bool ready = s->expect == EXPECT_COMMA_OR_END || s->expect == (array ? EXPECT_VALUE_OR_END : EXPECT_KEY_OR_END);

	if (s->depth == 0 || in_array(s) != array || !ready)
		return malformed(s, "bracket that closes nothing");
	s->depth--;
	s->in_items &= s->depth >= 2;
	value_ended(s);
	return true;
}

static bool string_open(struct stream *s)
{
	s->is_key = s->expect == EXPECT_KEY || s->expect == EXPECT_KEY_OR_END;
	if (!s->is_key && s->expect != EXPECT_VALUE && s->expect != EXPECT_VALUE_OR_END)
		return malformed(s, "string where none may be");
	if (s->depth == 0)
		return malformed(s, "string where an object must be");
	s->item_values += !s->is_key;
	s->in_string = true;
	s->key_bytes = 0;
	return true;
}

static void string_close(struct stream *s)
{
	s->in_string = false;
	if (!s->is_key) {
		value_ended(s);
		return;
	}
	s->expect = EXPECT_COLON;
	if (s->depth == 1)
		s->items_next = s->shape == STREAM_LIST && s->key_bytes == 5 && memcmp(s->key, "items", 5) == 0;
}

/* Inside a string: up to behind its quote or to the end of the chunk. NULL: malformed. */
static const char *string_step(struct stream *s, const char *at, const char *end)
{
	bool remember = s->is_key && s->depth == 1;

	while (at < end) {
		char c = *at++;
		if (s->in_escape) {
			s->in_escape = false;
		} else if (c == '"') {
			string_close(s);
			return at;
		} else if (c == '\\') {
			s->in_escape = true;
		} else if ((unsigned char)c < ' ') {
			malformed(s, "control character in a string");
			return NULL;
		}
		if (remember && s->key_bytes < sizeof s->key)
			s->key[s->key_bytes++] = c;
	}
	return at;
}

static bool scalar_open(struct stream *s, char c)
{
	if (!is_scalar(c))
		return malformed(s, "byte that no JSON value starts with");
	if (s->expect != EXPECT_VALUE && s->expect != EXPECT_VALUE_OR_END)
		return malformed(s, "value where none may be");
	if (s->depth == 0)
		return malformed(s, "value where an object must be");
	s->item_values++;
	s->in_scalar = true;
	return true;
}

static bool comma(struct stream *s)
{
	if (s->expect != EXPECT_COMMA_OR_END)
		return malformed(s, "comma where none may be");
	s->expect = in_array(s) ? EXPECT_VALUE : EXPECT_KEY;
	return true;
}

static bool colon(struct stream *s)
{
	if (s->expect != EXPECT_COLON)
		return malformed(s, "colon where none may be");
	s->expect = EXPECT_VALUE;
	return true;
}

static bool mark_step(struct stream *s, char c)
{
	switch (c) {
	case '{':
	case '[':
		return container_open(s, c == '[');
	case '}':
	case ']':
		return container_close(s, c == ']');
	case '"':
		return string_open(s);
	case ',':
		return comma(s);
	case ':':
		return colon(s);
	default:
		return is_blank(c) || scalar_open(s, c);
	}
}

/* One token, or the part of it that is here. NULL: malformed. */
static const char *token_step(struct stream *s, const char *at, const char *end)
{
	if (s->in_string)
		return string_step(s, at, end);
	if (s->in_scalar) {
		while (at < end && is_scalar(*at))
			at++;
		if (at < end) {
			s->in_scalar = false;
			value_ended(s);
		}
		return at;
	}
	return mark_step(s, *at) ? at + 1 : NULL;
}

/* The depth at which delivered objects stand. */
static unsigned item_depth(const struct stream *s)
{
	return s->shape == STREAM_LIST ? 2 : 0;
}

static bool at_item_level(const struct stream *s)
{
	return s->depth == item_depth(s) && (s->shape == STREAM_WATCH || s->in_items);
}

/* Keeps from…to of the current value until its end arrives; of one that is too large, only the front. */
static void value_hold(struct stream *s, const char *from, const char *to)
{
	size_t bytes = (size_t)(to - from);
	size_t room = s->limit_bytes - s->held.length_bytes;

	s->item_bytes += bytes;
	if (s->item_bytes > STREAM_VALUE_END_BYTES)
		malformed(s, "object larger than 64 MiB");
	buf_add(&s->held, from, bytes < room ? bytes : room);
}

static void front_only(struct stream *s, struct span *value)
{
	size_t front = s->limit_bytes < STREAM_FRONT_BYTES ? s->limit_bytes : STREAM_FRONT_BYTES;

	if (value->length_bytes > front)
		value->length_bytes = front;
}

/* The value ends at `to`; its part in this chunk starts at `from`. */
static bool value_deliver(struct stream *s, const char *from, const char *to)
{
	struct span value = {from, (size_t)(to - from)};
	bool cut;

	if (s->item_bytes > 0) {
		value_hold(s, from, to);
		value = (struct span){s->held.data, s->held.length_bytes};
		cut = s->item_bytes > s->limit_bytes;
	} else {
		cut = value.length_bytes > s->limit_bytes;
	}
	if (cut)
		front_only(s, &value);
	s->in_item = false;
	cut = cut || s->item_values > s->limit_values;
	s->stopped = !s->handler.value(s->handler.ctx, value, cut);
	s->item_bytes = 0;
	/* A single huge object must not cost memory for the rest of a watch's life. */
	if (s->held.room_bytes > STREAM_FRONT_BYTES)
		buf_fini(&s->held);
	else
		buf_clear(&s->held);
	return !s->stopped;
}

static bool frame_add(struct stream *s, const char *from, const char *to)
{
	if (s->shape == STREAM_WATCH)
		return true;
	if (s->frame.length_bytes + (size_t)(to - from) > STREAM_FRAME_LIMIT_BYTES)
		return malformed(s, "list with too much around its items");
	buf_add(&s->frame, from, (size_t)(to - from));
	return true;
}

bool stream_feed(struct stream *s, const char *bytes, size_t length_bytes)
{
	const char *at = bytes, *end = bytes + length_bytes, *from = bytes;

	while (at < end && s->error == NULL && !s->stopped) {
		bool was_level = !s->in_item && at_item_level(s);
		const char *next = token_step(s, at, end);
		if (next == NULL)
			break;
		if (s->in_item) {
			if (at_item_level(s) && !value_deliver(s, from, next))
				break;
		} else if (was_level && *at == '{') {
			s->in_item = true;
			s->item_values = 1;
			from = at;
		} else if (was_level && (s->in_scalar || s->in_string || *at == '[')) {
			malformed(s, "list item that is no object");
		} else if (!was_level || !at_item_level(s)) {
			frame_add(s, at, next);
		}
		at = next;
	}
	if (s->in_item && s->error == NULL && !s->stopped)
		value_hold(s, from, end);
	return s->error == NULL && !s->stopped;
}

bool stream_complete(const struct stream *s)
{
	if (s->error != NULL || s->depth > 0)
		return false;
	return s->shape == STREAM_WATCH || s->expect == EXPECT_NOTHING;
}

struct span stream_frame(const struct stream *s)
{
	return (struct span){s->frame.data, s->frame.length_bytes};
}
