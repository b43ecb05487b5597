/* Text to value, one function per kind of flag. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/options.h"

static const char *set_bool(bool *out, const char *text)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return "must be true or false";
	*out = strcmp(text, "true") == 0;
	return NULL;
}

static const char *set_text(const struct option *o, struct config *c, const char **out, const char *text)
{
	if (text[0] == '\0' && !o->may_be_empty)
		return "must not be empty";
	if (o->max_bytes != 0 && strlen(text) > o->max_bytes)
		return "too long";
	const char *why = text[0] != '\0' && o->refuse != NULL ? o->refuse(text) : NULL;
	if (why != NULL)
		return why;
	*out = arena_strdup(c->arena, text);
	return NULL;
}

static const char *set_number(const struct option *o, int64_t *out, const char *text)
{
	char *end;

	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || isspace((unsigned char)text[0]))
		return "must be a number";
	if (errno != 0 || value < o->min || value > o->max)
		return "out of range";
	*out = value;
	return NULL;
}

static const char *set_bytes(const struct option *o, int64_t *out, const char *text)
{
	static const char units[] = "KMG";
	char *end;

	errno = 0;
	long long value = strtoll(text, &end, 10);
	const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
	if (!isdigit((unsigned char)text[0]) || (*end != '\0' && (unit == NULL || end[1] != '\0')))
		return "must be a number of bytes such as 4096, 512K or 16M";
	unsigned shift = unit != NULL ? 10 * (unsigned)(unit - units + 1) : 0;
	if (errno != 0 || value < 0 || value > o->max >> shift || value << shift < o->min)
		return "out of range";
	*out = value << shift;
	return NULL;
}

static int64_t unit_ms(const char **p)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		size_t n = strlen(units[i].name);
		if (strncmp(*p, units[i].name, n) == 0 && !isalpha((unsigned char)(*p)[n])) {
			*p += n;
			return units[i].ms;
		}
	}
	return 0;
}

/* As Go's time.ParseDuration, without signs and without units below a millisecond. */
static const char *set_duration(int64_t *out, const char *text)
{
	static const char why[] = "must be a duration such as 500ms, 2s or 1m30s";
	double total_ms = 0;
	const char *p = text;

	if (strcmp(text, "0") == 0) {
		*out = 0;
		return NULL;
	}
	do {
		char *end;
		if (!isdigit((unsigned char)*p))
			return why;
		double value = strtod(p, &end);
		if (memchr(p, 'x', (size_t)(end - p)) != NULL || memchr(p, 'e', (size_t)(end - p)) != NULL)
			return why;
		p = end;
		int64_t ms = unit_ms(&p);
		total_ms += value * (double)ms;
		if (ms == 0 || total_ms > 1e12)
			return why;
	} while (*p != '\0');
	*out = (int64_t)total_ms;
	return NULL;
}

static const char *set_choice(const struct option *o, int *out, const char *text)
{
	for (int i = 0; o->words[i] != NULL; i++) {
		if (strcmp(o->words[i], text) == 0) {
			*out = i;
			return NULL;
		}
	}
	return "unknown value";
}

/* Makes room for one more item behind `count` old ones. */
static void *list_grow(struct config *c, const void *items, size_t count, size_t item_bytes)
{
	char *grown = arena_array(c->arena, count + 1, item_bytes);

	if (count != 0)
		memcpy(grown, items, count * item_bytes);
	return grown;
}

static const char *add_addr(struct config *c, void *field, const char *item)
{
	struct addr_list *list = field;
	struct addr addr;

	if (!addr_parse(&addr, item))
		return "must be IP addresses";
	list->items = list_grow(c, list->items, list->count, sizeof *list->items);
	list->items[list->count++] = addr;
	return NULL;
}

static const char *cidr_append(struct config *c, struct cidr_list *list, const struct cidr *cidr)
{
	list->items = list_grow(c, list->items, list->count, sizeof *list->items);
	list->items[list->count++] = *cidr;
	return NULL;
}

static const char *add_cidr(struct config *c, void *field, const char *item)
{
	struct cidr cidr;

	return cidr_parse(&cidr, item) ? cidr_append(c, field, &cidr) : "must be prefixes such as 10.96.0.0/12";
}

static const char *add_cidr_or_host(struct config *c, void *field, const char *item)
{
	struct cidr cidr;

	return cidr_parse_or_host(&cidr, item) ? cidr_append(c, field, &cidr)
					       : "must be addresses, or prefixes such as 10.96.0.0/12";
}

static const char *add_addr_port(struct config *c, void *field, const char *item)
{
	struct addr_port_list *list = field;
	struct addr_port value = {.port = DNS_PORT};

	if (!addr_port_parse(&value.addr, &value.port, item) || value.port == 0)
		return "must be ADDR or ADDR:PORT";
	list->items = list_grow(c, list->items, list->count, sizeof *list->items);
	list->items[list->count++] = value;
	return NULL;
}

typedef const char *add_item_fn(struct config *c, void *field, const char *item);

/*
 * Comma separated; blanks around items are cut, empty items refused. An empty list is as if the flag were not there: a
 * DaemonSet passes variables that may be empty.
 */
static const char *add_items(struct config *c, void *field, const char *text, add_item_fn *add)
{
	const char *p = text, *why = NULL;

	if (text[strspn(text, " ")] == '\0')
		return NULL;
	do {
		p += strspn(p, " ");
		size_t n = strcspn(p, ","), length = n;
		while (length > 0 && p[length - 1] == ' ')
			length--;
		if (length == 0)
			return "must not have empty items";
		why = add(c, field, arena_strndup(c->arena, p, length));
		p += n;
	} while (why == NULL && *p++ == ',');
	return why;
}

/* A wildcard stands for both families, as in Go: 0.0.0.0, [::] and a port alone are the same. */
static const char *set_bind(const struct option *o, struct addr_port *out, const char *text)
{
	struct addr_port at = {.port = (uint16_t)o->min};
	char whole[ADDR_PORT_TEXT_BYTES];

	*out = (struct addr_port){0};
	if (text[0] == '\0')
		return NULL;
	if (text[0] == ':') { /* ":80" */
		snprintf(whole, sizeof whole, "[::]%.10s", text);
		text = whole;
	}
	if (o->loopback && text[strspn(text, "0123456789")] == '\0') {
		snprintf(whole, sizeof whole, "127.0.0.1:%.10s", text);
		text = whole;
	}
	if (!addr_port_parse(&at.addr, &at.port, text) || at.port == 0)
		return o->loopback ? "neither ADDR:PORT, ADDR, PORT, :PORT nor empty"
				   : "neither ADDR:PORT, ADDR, :PORT nor empty";
	if (addr_is_wildcard(&at.addr))
		at.addr = (struct addr){.family = AF_INET6};
	*out = at;
	return NULL;
}

const char *option_set(const struct option *o, struct config *c, const char *text)
{
	void *field = o->at != NULL ? o->at : (char *)c + o->offset;

	switch (o->kind) {
	case OPTION_BOOL:
		return set_bool(field, text);
	case OPTION_TEXT:
		return set_text(o, c, field, text);
	case OPTION_NUMBER:
		return set_number(o, field, text);
	case OPTION_BYTES:
		return set_bytes(o, field, text);
	case OPTION_DURATION:
		return set_duration(field, text);
	case OPTION_CHOICE:
		return set_choice(o, field, text);
	case OPTION_BIND:
		return set_bind(o, field, text);
	case OPTION_ADDRS:
		*(struct addr_list *)field = (struct addr_list){0};
		return add_items(c, field, text, add_addr);
	case OPTION_CIDRS:
		*(struct cidr_list *)field = (struct cidr_list){0};
		return add_items(c, field, text, o->hosts ? add_cidr_or_host : add_cidr);
	case OPTION_PARSED:
		return o->parse(field, c->arena, text);
	case OPTION_ADDR_PORTS:
		return add_items(c, field, text, add_addr_port);
	}
	return "unknown kind of flag";
}
