/* resolv.conf as each stub resolver reads it, and the names that its search list makes. */
#include "dns/resolver/search_list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define BLANKS " \t\r\n\f\v"
#define NDOTS_MAX 15		 /* glibc, musl, Go */
#define SERVERS_MAX 3		 /* glibc, musl, Go, dig */
#define MUSL_LINE_BYTES 256	 /* musl reads lines into a buffer of this size and skips longer ones */
#define NAME_TEXT_LENGTH_MAX 253 /* without the trailing dot (RFC 1035 2.3.4) */
#define WORDS_MAX SEARCH_NAMES_MAX

struct words {
	size_t count;
	const char *items[WORDS_MAX];
};

const char *resolver_name(enum resolver r)
{
	static const char *const names[] = {[RESOLVER_GLIBC] = "glibc",
					    [RESOLVER_MUSL] = "musl",
					    [RESOLVER_GO] = "go",
					    [RESOLVER_CARES] = "c-ares",
					    [RESOLVER_DIG] = "dig"};
	return names[r];
}

static void words_add(struct arena *a, struct words *w, const char *text, size_t length)
{
	if (w->count < WORDS_MAX)
		w->items[w->count++] = arena_strndup(a, text, length);
}

static struct words split(struct arena *a, const char *line)
{
	struct words w = {0};

	for (line += strspn(line, BLANKS); *line != '\0'; line += strspn(line, BLANKS)) {
		size_t length = strcspn(line, BLANKS);
		if (*line == '#' || *line == ';')
			break;
		words_add(a, &w, line, length);
		line += length;
	}
	return w;
}

static const char *const *keep(struct arena *a, const struct words *w)
{
	const char **list = arena_array(a, w->count, sizeof *list);

	if (w->count != 0)
		memcpy(list, w->items, w->count * sizeof *list);
	return list;
}

/* "." is the root for glibc, c-ares and dig; musl and Go skip it. */
static bool root_is_domain(enum resolver r)
{
	return r == RESOLVER_GLIBC || r == RESOLVER_CARES || r == RESOLVER_DIG;
}

static void set_domains(struct arena *a, enum resolver r, struct search_config *c, const struct words *line)
{
	struct words domains = {0};

	for (size_t i = 1; i < line->count; i++) {
		const char *text = line->items[i];
		size_t length = strlen(text);
		if (length != 0 && text[length - 1] == '.')
			length--;
		if (length != 0 || root_is_domain(r))
			words_add(a, &domains, text, length);
	}
	c->domains = keep(a, &domains);
	c->domain_count = domains.count;
}

static bool option_number(const char *option, const char *name, unsigned max, unsigned *value)
{
	size_t length = strlen(name);

	if (strncmp(option, name, length) != 0 || option[length] != ':')
		return false;
	unsigned long n = strtoul(option + length + 1, NULL, 10);
	*value = n < max ? (unsigned)n : max;
	return true;
}

static void set_options(enum resolver r, struct search_config *c, const struct words *line)
{
	for (size_t i = 1; i < line->count; i++) {
		const char *o = line->items[i];
		if (!option_number(o, "ndots", r == RESOLVER_CARES ? 1000 : NDOTS_MAX, &c->ndots) &&
		    !option_number(o, "attempts", 5, &c->attempts))
			option_number(o, "timeout", 30, &c->timeout_s);
	}
	if (c->attempts == 0)
		c->attempts = 1;
	if (c->timeout_s == 0)
		c->timeout_s = 1;
}

struct reading {
	struct arena *arena;
	enum resolver resolver;
	struct search_config config;
	struct words servers;
	bool searched; /* a search line was read: c-ares lets it win over `domain` */
};

static void read_line(struct reading *in, const char *line)
{
	const struct words w = split(in->arena, line);
	const enum resolver r = in->resolver;

	if (w.count == 0)
		return;
	if (r == RESOLVER_MUSL && strlen(line) >= MUSL_LINE_BYTES) {
		in->config.warning = "musl ignores a line of 256 characters or more";
		return;
	}
	if (strcmp(w.items[0], "nameserver") == 0 && w.count > 1 &&
	    (in->servers.count < SERVERS_MAX || r == RESOLVER_CARES))
		words_add(in->arena, &in->servers, w.items[1], strlen(w.items[1]));
	else if (strcmp(w.items[0], "search") == 0) {
		set_domains(in->arena, r, &in->config, &w);
		in->searched = true;
	} else if (strcmp(w.items[0], "domain") == 0 && !(r == RESOLVER_CARES && in->searched))
		set_domains(in->arena, r, &in->config, &w);
	else if (strcmp(w.items[0], "options") == 0)
		set_options(r, &in->config, &w);
}

struct search_config search_config_read(struct arena *a, enum resolver r, const char *text, size_t length)
{
	struct reading in = {.arena = a,
			     .resolver = r,
			     .config = {.ndots = 1,
					.attempts = r == RESOLVER_CARES || r == RESOLVER_DIG ? 3 : 2,
					.timeout_s = r == RESOLVER_CARES ? 2 : 5}};
	const char *end = text + length;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t bytes = (size_t)((newline != NULL ? newline : end) - text);
		read_line(&in, arena_strndup(a, text, bytes));
		text += bytes + (newline != NULL);
	}
	in.config.servers = keep(a, &in.servers);
	in.config.server_count = in.servers.count;
	return in.config;
}

static bool names_add(struct arena *a, struct words *names, const char *name, const char *domain)
{
	char *full = domain[0] != '\0' ? arena_printf(a, "%s.%s.", name, domain) : arena_printf(a, "%s.", name);

	if (strlen(full) > NAME_TEXT_LENGTH_MAX + 1 || names->count == WORDS_MAX)
		return false;
	names->items[names->count++] = full;
	return true;
}

static unsigned count_dots(const char *name)
{
	unsigned dots = 0;

	for (; *name != '\0'; name++)
		dots += *name == '.';
	return dots;
}

/* musl and dig do not search for a name with enough dots. */
static bool searches(enum resolver r, bool as_is_first)
{
	return !as_is_first || (r != RESOLVER_MUSL && r != RESOLVER_DIG);
}

struct search_names search_names_make(struct arena *a, enum resolver r, const struct search_config *c, const char *name)
{
	struct words names = {0};
	size_t length = strlen(name);
	bool absolute = length != 0 && name[length - 1] == '.';
	bool as_is_first = absolute || count_dots(name) >= c->ndots;
	struct search_names out = {.as_is = SIZE_MAX};

	if (absolute)
		name = arena_strndup(a, name, length - 1);
	if (as_is_first && names_add(a, &names, name, ""))
		out.as_is = 0;
	for (size_t i = 0; !absolute && searches(r, as_is_first) && i < c->domain_count; i++) {
		bool root = c->domains[i][0] == '\0';
		if (root && out.as_is != SIZE_MAX)
			continue;
		if (names_add(a, &names, name, c->domains[i]) && root)
			out.as_is = names.count - 1;
	}
	if (out.as_is == SIZE_MAX)
		out.as_is = names_add(a, &names, name, "") ? names.count - 1 : names.count;
	out.names = keep(a, &names);
	out.count = names.count;
	return out;
}
