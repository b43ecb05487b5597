/* Reads, limits and writes resolv.conf as kubelet does. */
#include "dns/resolver/resolv_conf.h"

#include <stdint.h>
#include <string.h>

#include "base/map.h"

#define BLANKS " \t\r\n\f\v"

void text_list_add(struct arena *a, struct text_list *list, const char *text)
{
	const char **items;

	if ((list->count & (list->count - 1)) == 0) { /* full: rooms are powers of two */
		items = arena_array(a, list->count != 0 ? list->count * 2 : 1, sizeof *items);
		if (list->count != 0)
			memcpy(items, list->items, list->count * sizeof *items);
		list->items = items;
	}
	list->items[list->count++] = text;
}

void text_list_merge(struct arena *a, struct text_list *list, const struct text_list *more)
{
	struct map seen = {0};

	for (size_t i = 0; i < list->count; i++)
		map_put_str(&seen, list->items[i], list);
	for (size_t i = 0; i < more->count; i++)
		if (map_put_str(&seen, more->items[i], list) == NULL)
			text_list_add(a, list, more->items[i]);
	map_fini(&seen);
}

static size_t name_bytes(const char *option)
{
	return strcspn(option, ":");
}

void resolv_options_merge(struct arena *a, struct text_list *list, const struct text_list *more)
{
	struct map seen = {0}; /* name → index + 1 */

	for (size_t i = 0; i < list->count; i++)
		map_put(&seen, list->items[i], name_bytes(list->items[i]), (void *)(uintptr_t)(i + 1));
	for (size_t i = 0; i < more->count; i++) {
		const char *option = more->items[i];
		uintptr_t at = (uintptr_t)map_get(&seen, option, name_bytes(option));
		if (at != 0) {
			list->items[at - 1] = option;
			continue;
		}
		text_list_add(a, list, option);
		map_put(&seen, option, name_bytes(option), (void *)(uintptr_t)list->count);
	}
	map_fini(&seen);
}

static const char *next_word(struct arena *a, const char **at)
{
	const char *from = *at + strspn(*at, BLANKS);
	size_t length = strcspn(from, BLANKS);

	*at = from + length;
	return length != 0 ? arena_strndup(a, from, length) : NULL;
}

static void read_searches(struct arena *a, const char *at, struct resolv_conf *out)
{
	char *word;

	out->searches = (struct text_list){0};
	while ((word = (char *)next_word(a, &at)) != NULL) {
		size_t length = strlen(word);
		if (word[length - 1] == '.')
			word[--length] = '\0';
		if (length != 0)
			text_list_add(a, &out->searches, word);
	}
}

static bool read_line(struct arena *a, const char *line, struct resolv_conf *out)
{
	const char *word = next_word(a, &line);

	if (word == NULL || word[0] == '#')
		return true;
	if (strcmp(word, "nameserver") == 0) {
		word = next_word(a, &line);
		if (word != NULL)
			text_list_add(a, &out->nameservers, word);
		return word != NULL;
	}
	if (strcmp(word, "search") == 0)
		read_searches(a, line, out);
	if (strcmp(word, "options") == 0)
		while ((word = next_word(a, &line)) != NULL)
			text_list_add(a, &out->options, word);
	return true;
}

bool resolv_conf_parse(struct arena *a, const char *text, size_t length, struct resolv_conf *out, const char **error)
{
	const char *end = text + length;
	struct text_list options;
	unsigned number = 0;

	*out = (struct resolv_conf){0};
	if (length > RESOLV_FILE_BYTES_MAX) {
		*error = "larger than 10 MB";
		return false;
	}
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t bytes = (size_t)((newline != NULL ? newline : end) - text);
		number++;
		if (!read_line(a, arena_strndup(a, text, bytes), out)) {
			*error = arena_printf(a, "line %u: nameserver without an address", number);
			return false;
		}
		text += bytes + (newline != NULL);
	}
	options = out->options;
	out->options = (struct text_list){0};
	resolv_options_merge(a, &out->options, &options);
	return true;
}

static size_t line_characters(const struct text_list *list)
{
	size_t bytes = list->count != 0 ? list->count - 1 : 0;

	for (size_t i = 0; i < list->count; i++)
		bytes += strlen(list->items[i]);
	return bytes;
}

static void list_format(const struct text_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->count; i++)
		buf_printf(out, "%s%s", i != 0 ? " " : "", list->items[i]);
}

static bool searches_limit(struct text_list *list)
{
	size_t kept = 0, had = list->count;

	if (list->count > RESOLV_SEARCHES_MAX)
		list->count = RESOLV_SEARCHES_MAX;
	for (size_t i = 0; i < list->count; i++)
		if (strlen(list->items[i]) <= RESOLV_SEARCH_BYTES_MAX)
			list->items[kept++] = list->items[i];
	list->count = kept;
	while (line_characters(list) > RESOLV_SEARCH_CHARACTERS_MAX)
		list->count--;
	return list->count != had;
}

void resolv_conf_limit(struct resolv_conf *c, struct buf *warnings)
{
	if (c->nameservers.count > RESOLV_NAMESERVERS_MAX) {
		c->nameservers.count = RESOLV_NAMESERVERS_MAX;
		buf_puts(warnings, "Nameserver limits were exceeded, some nameservers have been omitted, "
				   "the applied nameserver line is: ");
		list_format(&c->nameservers, warnings);
		buf_puts(warnings, "\n");
	}
	if (searches_limit(&c->searches)) {
		buf_puts(warnings, "Search Line limits were exceeded, some search paths have been omitted, "
				   "the applied search line is: ");
		list_format(&c->searches, warnings);
		buf_puts(warnings, "\n");
	}
}

void resolv_conf_format(const struct resolv_conf *c, struct buf *out)
{
	if (c->searches.count != 0) {
		buf_puts(out, "search ");
		list_format(&c->searches, out);
		buf_puts(out, "\n");
	}
	for (size_t i = 0; i < c->nameservers.count; i++)
		buf_printf(out, "nameserver %s\n", c->nameservers.items[i]);
	if (c->options.count != 0) {
		buf_puts(out, "options ");
		list_format(&c->options, out);
		buf_puts(out, "\n");
	}
}
