/*
 * The annotation fairlead/endpoints: "192.168.1.10:8080, nas.lan:80", or by port "http=10.0.0.1:80, nas.lan;https=…".
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "watch/decode/decode_field.h"

#define ANNOTATION "fairlead/endpoints"
#define GIVEN_MAX 1000 /* as an EndpointSlice */
#define BLANKS " \t\r\n"

struct reading {
	struct decoder *d;
	const struct place *annotation;
	const struct service_object *s;
	struct given_endpoint *all;
	size_t count;
};

static char *trimmed(char *text)
{
	char *end;

	text += strspn(text, BLANKS);
	end = text + strlen(text);
	while (end > text && strchr(BLANKS, end[-1]) != NULL)
		*--end = '\0';
	return text;
}

static bool port_read(const char *text, uint16_t *port)
{
	char *end;
	const unsigned long number = strtoul(text, &end, 10);

	*port = (uint16_t)number;
	return isdigit((unsigned char)text[0]) && *end == '\0' && number != 0 && number <= UINT16_MAX;
}

static bool is_number(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* "nas.lan", "nas.lan:80", "NAS.lan.". */
static bool host_read(struct decoder *d, struct given_endpoint *g, const char *text)
{
	char *host = arena_strdup(d->scratch, text), *colon = strchr(host, ':');
	size_t n;

	if (colon != NULL)
		*colon = '\0';
	if (colon != NULL && !port_read(colon + 1, &g->port))
		return false;
	n = strlen(host);
	if (n > 1 && host[n - 1] == '.')
		host[n - 1] = '\0';
	for (char *p = host; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	g->host = host;
	const char *last = strrchr(host, '.');
	return name_is_subdomain(host) && !is_number(last != NULL ? last + 1 : host); /* 10.0.0.256 is no name */
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80". */
static bool address_read(struct decoder *d, struct given_endpoint *g, const char *text)
{
	char *bare = arena_strdup(d->scratch, text[0] == '[' ? text + 1 : text);

	if (addr_port_parse(&g->addr, &g->port, text)) /* port 0 is none that can be meant */
		return g->port != 0 || (g->addr.family == AF_INET ? strchr(text, ':') : strstr(text, "]:")) == NULL;
	bare[strcspn(bare, "]")] = '\0'; /* brackets without a port */
	return text[0] == '[' && text[strlen(text) - 1] == ']' && addr_parse(&g->addr, bare);
}

/* What it says must be clear for each of the ports that it is for. */
static void port_check(const struct reading *r, const struct given_endpoint *g, const char *text)
{
	const struct service_object *s = r->s;

	if (g->port != 0 && g->port_name == NULL && s->port_count > 1)
		decode_error(r->d, r->annotation,
			     "\"%.60s\" says a port, but not which of the Service's: write %s=…;%s=…", text,
			     s->ports[0].name, s->ports[1].name);
	for (size_t i = 0; i < s->port_count && g->port == 0; i++) {
		const struct port_object *p = &s->ports[i];
		if ((g->port_name == NULL || strcmp(g->port_name, p->name) == 0) && !is_number(p->target_port)) {
			decode_error(r->d, r->annotation, "\"%.60s\" says no port, and targetPort %.40s is a name",
				     text, p->target_port);
			return;
		}
	}
}

static bool is_there(const struct reading *r, const struct given_endpoint *g)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct given_endpoint *o = &r->all[i];
		if (o->port == g->port && addr_equal(&o->addr, &g->addr) &&
		    strcmp(o->host != NULL ? o->host : "", g->host != NULL ? g->host : "") == 0 &&
		    strcmp(o->port_name != NULL ? o->port_name : "", g->port_name != NULL ? g->port_name : "") == 0)
			return true;
	}
	return false;
}

static void endpoint_read(struct reading *r, const char *port_name, const char *text)
{
	struct given_endpoint g = {.port_name = port_name};
	const char *wrong = NULL;

	if (text[0] == '\0')
		return; /* a comma at the end */
	if (!address_read(r->d, &g, text) &&
	    (g = (struct given_endpoint){.port_name = port_name}, !host_read(r->d, &g, text)))
		decode_error(r->d, r->annotation, "\"%.60s\" is not an address or a host name, with a port or without",
			     text);
	else if (g.host == NULL && (wrong = addr_is_special(&g.addr)) != NULL)
		decode_error(r->d, r->annotation, "%.60s %s", text, wrong);
	else if (is_there(r, &g))
		decode_error(r->d, r->annotation, "\"%.60s\" is there twice", text);
	else if (r->count == GIVEN_MAX)
		decode_error(r->d, r->annotation, "more than %d endpoints", GIVEN_MAX);
	else
		port_check(r, &g, text);
	if (!r->d->refused)
		r->all[r->count++] = g;
}

/* "http=": the name of the Service's port; NULL: none is said. */
static const char *section_port(struct reading *r, char **section)
{
	char *equals = strchr(*section, '='), *name = *section;

	if (equals == NULL)
		return NULL;
	*equals = '\0';
	*section = equals + 1;
	name = trimmed(name);
	for (size_t i = 0; i < r->s->port_count; i++)
		if (strcmp(r->s->ports[i].name, name) == 0)
			return name;
	decode_error(r->d, r->annotation, "\"%.60s\" is not the name of a port of the Service", name);
	return name;
}

static void section_read(struct reading *r, char *section, bool alone)
{
	const char *port_name = section_port(r, &section);
	char *one;

	if (port_name == NULL && !alone)
		decode_error(r->d, r->annotation, "\"%.60s\" has no port's name in front: write http=…;https=…",
			     trimmed(section));
	while (!r->d->refused && (one = strsep(&section, ",")) != NULL)
		endpoint_read(r, port_name, trimmed(one));
}

void decode_given(struct decoder *d, const struct place *root, const struct service_object *s, struct service_wishes *w)
{
	struct place metadata = place_key(root, "metadata"), annotations = place_key(&metadata, "annotations");
	struct place annotation = place_key(&annotations, ANNOTATION);
	const char *text = field_annotation(d, ANNOTATION);
	struct reading r = {.d = d, .annotation = &annotation, .s = s};
	char *rest = arena_strdup(d->scratch, text), *section;

	if (text == NULL || d->refused)
		return;
	if (s->type == SERVICE_EXTERNAL_NAME)
		decode_error(d, &annotation, "not with type ExternalName");
	r.all = arena_array(d->scratch, GIVEN_MAX, sizeof *r.all);
	const bool alone = strchr(text, ';') == NULL;
	while (!d->refused && (section = strsep(&rest, ";")) != NULL)
		if (trimmed(section)[0] != '\0')
			section_read(&r, section, alone);
	if (r.count == 0 && !d->refused)
		decode_error(d, &annotation, "no endpoint");
	w->given = r.all;
	w->given_count = r.count;
}
