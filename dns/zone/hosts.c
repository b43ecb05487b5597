/* Reads a hosts file. */
#include "dns/zone/hosts.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define ADDRESS_BYTES_MAX 64 /* of the text of one; longer is none */

struct hosts_reader {
	struct static_names *names;
	const struct name *domain;
	struct hosts_report *report;
	size_t line;
};

struct word {
	const char *text;
	size_t bytes;
};

static void problem(struct hosts_reader *h, enum hosts_problem_kind kind, const struct word *w)
{
	struct hosts_problem *p = &h->report->problems[kind];

	if (p->count == 0)
		text_escape(p->word, sizeof p->word, w->text, w->bytes);
	if (p->count < HOSTS_LINES_NAMED)
		p->lines[p->count] = h->line;
	p->count++;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* The next word of the line that ends at `end`. False: there is none. */
static bool word_next(const char **at, const char *end, struct word *w)
{
	while (*at < end && is_blank(**at))
		++*at;
	w->text = *at;
	while (*at < end && !is_blank(**at))
		++*at;
	w->bytes = (size_t)(*at - w->text);
	return w->bytes > 0;
}

static bool address_read(const struct word *w, struct addr *a)
{
	char text[ADDRESS_BYTES_MAX];

	if (w->bytes >= sizeof text || memchr(w->text, '\0', w->bytes) != NULL)
		return false;
	memcpy(text, w->text, w->bytes);
	text[w->bytes] = '\0';
	return addr_parse(a, text);
}

/* Letters, digits, - and _: what hosts are called (RFC 952, 1123), and what people write. */
static bool name_read_word(const struct word *w, struct name *name)
{
	char text[NAME_BYTES + 1];

	if (w->bytes > NAME_BYTES)
		return false;
	for (size_t i = 0; i < w->bytes; i++) {
		char c = w->text[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && c != '-' && c != '_' && c != '.')
			return false;
		text[i] = c;
	}
	text[w->bytes] = '\0';
	return name_parse(name, text) && name->labels > 0;
}

static void names_read(struct hosts_reader *h, const char *at, const char *end, const struct word *address,
		       const struct addr *a)
{
	struct name name;
	struct word w;
	bool any = false;

	for (; word_next(&at, end, &w); any = true) {
		if (addr_is_loopback(a))
			problem(h, HOSTS_LOOPBACK, &w);
		else if (!name_read_word(&w, &name))
			problem(h, HOSTS_NOT_NAME, &w);
		else if (name_ends_with(&name, h->domain))
			problem(h, HOSTS_CLUSTER, &w);
		else
			static_names_add(h->names, &name, a, true);
	}
	if (!any)
		problem(h, HOSTS_NO_NAME, address);
}

static void line_read(struct hosts_reader *h, const char *at, const char *end)
{
	const char *comment = memchr(at, '#', (size_t)(end - at));
	struct word w;
	struct addr a;

	if (comment != NULL)
		end = comment;
	if (!word_next(&at, end, &w))
		return;
	if (address_read(&w, &a))
		names_read(h, at, end, &w, &a);
	else
		problem(h, HOSTS_NOT_ADDRESS, &w);
}

static const char *refused(const struct static_names *names, const struct hosts_report *report)
{
	if (static_names_count(names) > HOSTS_NAMES_MAX)
		return "more than 262144 names";
	if (static_names_count(names) == 0 && report->problems[HOSTS_NOT_ADDRESS].count > 0)
		return "no line of a hosts file";
	return NULL;
}

struct static_names *hosts_parse(const char *text, size_t bytes, const struct name *domain, struct hosts_report *report)
{
	struct hosts_reader h = {.names = static_names_new(), .domain = domain, .report = report};
	const char *end = text + bytes;

	*report = (struct hosts_report){0};
	while (text < end && static_names_count(h.names) <= HOSTS_NAMES_MAX) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline != NULL ? newline : end;
		h.line++;
		line_read(&h, text, line_end);
		text = newline != NULL ? newline + 1 : end;
	}
	report->refused = refused(h.names, report);
	if (report->refused != NULL) {
		static_names_free(h.names);
		return NULL;
	}
	static_names_sort(h.names);
	return h.names;
}

static const char *problem_text(enum hosts_problem_kind kind)
{
	switch (kind) {
	case HOSTS_NOT_ADDRESS:
		return "is not an address; such lines are left out";
	case HOSTS_NO_NAME:
		return "has no name";
	case HOSTS_NOT_NAME:
		return "is not a host name; such names are left out";
	case HOSTS_LOOPBACK:
		return "is at a loopback address, which other machines cannot use; such names are left out";
	case HOSTS_CLUSTER:
		return "is in the cluster domain, whose names are those of Services; such names are left out";
	default:
		return "";
	}
}

bool hosts_problem_format(const struct hosts_report *report, enum hosts_problem_kind kind, char *to, size_t room)
{
	const struct hosts_problem *p = &report->problems[kind];
	char more[HOSTS_LINES_NAMED * 24] = "";
	size_t at = 0, last = 0;

	if (p->count == 0)
		return false;
	for (size_t i = 0; i < p->count && i < HOSTS_LINES_NAMED; i++) {
		if (i > 0 && p->lines[i] != last)
			at += (size_t)snprintf(more + at, sizeof more - at, ", %zu", p->lines[i]);
		last = p->lines[i];
	}
	snprintf(to, room, "line %zu%s%s: \"%s\" %s", p->lines[0], more, p->count > HOSTS_LINES_NAMED ? ", …" : "",
		 p->word, problem_text(kind));
	return true;
}
