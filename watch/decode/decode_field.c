/* Reads typed fields and knows their path. */
#include "watch/decode/decode_field.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"

#define PATH_BYTES 256
#define REASON_BYTES 256
#define PROBLEMS_MAX 1000    /* of one object: each costs more than the byte or two that it may be about */
#define BLANKS " \t\n\v\f\r" /* what the API server trims off address ranges before it checks them */

struct place place_key(const struct place *up, const char *key)
{
	return (struct place){.up = up, .key = key, .v = value_get(up->v, key)};
}

struct place place_item(const struct place *list, size_t index, const struct value *v)
{
	return (struct place){.up = list, .index = index, .v = v};
}

bool place_unset(const struct place *p)
{
	return p->v == NULL || (p->v->type == VALUE_STRING && p->v->text[0] == '\0');
}

const char *place_text(const struct place *p)
{
	return p->v != NULL && p->v->type == VALUE_STRING ? p->v->text : "";
}

/* ---- problems ---- */

static size_t path_write(const struct decoder *d, const struct place *p, char path[PATH_BYTES])
{
	size_t n;
	int printed;

	path[0] = '\0';
	if (p->up == NULL || (p->object && d->name[0] != '\0'))
		return 0;
	n = path_write(d, p->up, path);
	if (p->key == NULL)
		printed = snprintf(path + n, PATH_BYTES - n, "[%zu]", p->index);
	else
		printed = snprintf(path + n, PATH_BYTES - n, n != 0 ? ".%s" : "%s", p->key);
	return n + (size_t)printed < PATH_BYTES ? n + (size_t)printed : PATH_BYTES - 1;
}

static uint32_t place_line(const struct place *p)
{
	while (p != NULL && (p->v == NULL || p->v->line == 0))
		p = p->up;
	return p != NULL ? p->v->line : 0;
}

static void report(struct decoder *d, const struct place *p, bool refused, const char *fmt, va_list ap)
{
	char path[PATH_BYTES], reason[REASON_BYTES];
	const bool refuses = refused && !d->refused;

	d->refused = d->refused || refused;
	if (d->problems >= PROBLEMS_MAX && !refuses) /* the first reason to refuse it is always told */
		return;
	d->problems++;
	vsnprintf(reason, sizeof reason, fmt, ap);
	path_write(d, p, path);
	d->sink->problem(d->sink->ctx, &(struct decode_problem){
					       .line = place_line(p),
					       .kind = d->kind,
					       .ns = d->ns,
					       .name = d->name,
					       .field = path,
					       .reason = reason,
					       .refused = refused,
				       });
}

void decode_error(struct decoder *d, const struct place *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(d, p, !d->lenient, fmt, ap);
	va_end(ap);
}

void decode_warning(struct decoder *d, const struct place *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(d, p, false, fmt, ap);
	va_end(ap);
}

void decode_refuse(struct decoder *d, const struct place *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(d, p, true, fmt, ap);
	va_end(ap);
}

/* ---- fields ---- */

static bool is_type(struct decoder *d, const struct place *p, enum value_type type, const char *expected)
{
	if (p->v == NULL)
		return false;
	if (p->v->type == type)
		return true;
	if (!d->typed)
		decode_error(d, p, "%s is expected, not a %s", expected, value_type_name(p->v));
	return false;
}

const char *field_string(struct decoder *d, const struct place *p)
{
	return is_type(d, p, VALUE_STRING, "a string") ? p->v->text : NULL;
}

bool field_bool(struct decoder *d, const struct place *p, bool absent)
{
	bool b;

	if (p->v != NULL && p->v->plain && p->v->type == VALUE_STRING && value_old_bool(p->v, &b))
		return b;
	return is_type(d, p, VALUE_BOOL, "true or false") ? p->v->boolean : absent;
}

int64_t field_integer(struct decoder *d, const struct place *p, int64_t min, int64_t max, int64_t absent)
{
	if (!is_type(d, p, VALUE_NUMBER, "a number"))
		return absent;
	if (p->v->whole && p->v->integer >= min && p->v->integer <= max)
		return p->v->integer;
	decode_error(d, p, "%.40s is not in %" PRId64 "…%" PRId64, p->v->text, min, max);
	return absent;
}

int field_enum(struct decoder *d, const struct place *p, const char *const *names, int absent)
{
	const char *text = field_string(d, p);
	char all[128] = "";
	size_t n = 0;

	if (text == NULL)
		return absent;
	for (int i = 0; names[i] != NULL; i++) {
		if (strcmp(text, names[i]) == 0)
			return i;
		n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", i != 0 ? ", " : "", names[i]);
		if (n >= sizeof all)
			n = sizeof all - 1;
	}
	decode_error(d, p, "\"%.60s\" is none of %s", text, all);
	return absent;
}

int field_enum_filled(struct decoder *d, const struct place *p, const char *const *names, int absent)
{
	return place_unset(p) ? absent : field_enum(d, p, names, absent);
}

uint8_t field_proto(struct decoder *d, const struct place *p)
{
	static const char *const names[] = {"TCP", "UDP", "SCTP", NULL};
	int known = place_unset(p) ? 0 : field_enum(d, p, names, -1);

	return known >= 0 ? proto_parse(names[known]) : 0;
}

static void check_label(struct decoder *d, const struct place *p, const char *text)
{
	if (text[0] != '\0' && !name_is_label(text))
		decode_error(d, p, "\"%.80s\" is not a DNS label (a-z, 0-9, -)", text);
}

const char *field_port_name(struct decoder *d, const struct place *port)
{
	struct place p = place_key(port, "name");
	const char *text = field_string(d, &p);

	if (text == NULL)
		return "";
	check_label(d, &p, text);
	return text;
}

const char *field_name(struct decoder *d, const struct place *p)
{
	const char *text = field_string(d, p);

	if (text == NULL || text[0] == '\0')
		return NULL;
	if (name_is_object(text))
		return text;
	decode_error(d, p, "\"%.80s\" is not a DNS name (a-z, 0-9, -, .)", text);
	return NULL;
}

const char *field_hostname(struct decoder *d, const struct place *endpoint)
{
	struct place p = place_key(endpoint, "hostname");
	const char *text = field_string(d, &p);

	if (text == NULL)
		return NULL;
	check_label(d, &p, text);
	return name_is_label(text) ? text : NULL;
}

size_t field_list(struct decoder *d, const struct place *p)
{
	return is_type(d, p, VALUE_LIST, "a list") ? p->v->count : 0;
}

bool field_map(struct decoder *d, const struct place *p)
{
	return is_type(d, p, VALUE_MAP, "a map");
}

void field_warn_mapped(struct decoder *d, const struct place *p, const char *text)
{
	if (addr_text_is_mapped(text))
		decode_warning(d, p, "\"%.60s\" is an IPv4-mapped IPv6 address, read as IPv4", text);
}

bool field_addr(struct decoder *d, const struct place *p, struct addr *a)
{
	const char *text = field_string(d, p);

	if (text == NULL)
		return false;
	if (addr_parse(a, text)) {
		field_warn_mapped(d, p, text);
		return true;
	}
	decode_error(d, p, "\"%.60s\" is not an IP address", text);
	return false;
}

bool field_cidr_text(struct cidr *c, const char *text, char trimmed[CIDR_TEXT_BYTES])
{
	text += strspn(text, BLANKS); /* tolerated (A.5) */
	size_t n = strcspn(text, BLANKS);

	if (n >= CIDR_TEXT_BYTES || text[n + strspn(text + n, BLANKS)] != '\0')
		return false;
	memcpy(trimmed, text, n);
	trimmed[n] = '\0';
	return cidr_parse(c, trimmed);
}

bool field_cidr(struct decoder *d, const struct place *p, struct cidr *c)
{
	const char *text = field_string(d, p);
	char trimmed[CIDR_TEXT_BYTES];

	if (text == NULL)
		return false;
	if (field_cidr_text(c, text, trimmed)) {
		field_warn_mapped(d, p, trimmed);
		return true;
	}
	decode_error(d, p, "\"%.60s\" is not an address range such as 10.0.0.0/8", text);
	return false;
}

const struct addr *field_addrs(struct decoder *d, const struct place *p, size_t *count)
{
	size_t most = field_list(d, p), index = 0;
	struct addr *all = most != 0 ? arena_array(d->scratch, most, sizeof *all) : NULL;

	*count = 0;
	for (const struct value *v = most != 0 ? p->v->first : NULL; v != NULL; v = v->next) {
		struct place item = place_item(p, index++, v);
		*count += field_addr(d, &item, &all[*count]);
	}
	return all;
}

const struct cidr *field_cidrs(struct decoder *d, const struct place *p, size_t *count)
{
	size_t most = field_list(d, p), index = 0;
	struct cidr *all = most != 0 ? arena_array(d->scratch, most, sizeof *all) : NULL;

	*count = 0;
	for (const struct value *v = most != 0 ? p->v->first : NULL; v != NULL; v = v->next) {
		struct place item = place_item(p, index++, v);
		*count += field_cidr(d, &item, &all[*count]);
	}
	return all;
}

static const char *meta_string(const struct value *map, const char *key)
{
	const struct value *v = value_get(map, key);

	return v != NULL && v->type == VALUE_STRING ? v->text : NULL;
}

const char *field_label(struct decoder *d, const char *key)
{
	return meta_string(d->labels, key);
}

const char *field_annotation(struct decoder *d, const char *key)
{
	return meta_string(d->annotations, key);
}

/* ---- names ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *names_twice(const char **names, size_t count)
{
	if (count != 0)
		qsort(names, count, sizeof *names, by_text);
	for (size_t i = 1; i < count; i++)
		if (strcmp(names[i], names[i - 1]) == 0)
			return names[i];
	return NULL;
}

void field_warn_multicast(struct decoder *d, const struct place *p, const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];

	if (a->family == AF_INET6 ? a->bytes[0] == 0xff : (a->bytes[0] & 0xf0) == 0xe0)
		decode_warning(d, p, "%s is a multicast address: not used", addr_format(a, text));
}

const char *addr_is_special(const struct addr *a)
{
	static const struct addr any4 = {.family = AF_INET}, any6 = {.family = AF_INET6};

	if (addr_equal(a, &any4) || addr_equal(a, &any6))
		return "is the unspecified address";
	if (addr_is_loopback(a))
		return "is a loopback address";
	if (addr_is_link_local(a))
		return "is a link-local address";
	if (a->family == AF_INET6 ? a->bytes[0] == 0xff && (a->bytes[1] & 0x0f) == 2
				  : memcmp(a->bytes, (const uint8_t[]){224, 0, 0}, 3) == 0)
		return "is a link-local multicast address";
	return NULL;
}
