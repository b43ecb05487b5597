/* Reads --forward, --stub-domain and resolv.conf. */
#include "dns/forward/plan.h"

#include <string.h>

#include "base/domain.h"
#include "dns/resolver/resolv_conf.h"

#define TLS_PREFIX "tls://"
#define TLS_PORT 853 /* RFC 7858 */

/* The name behind "#", as a certificate has it; false: it is none. */
static bool take_name(struct arena *a, char *text, const char **name)
{
	char *mark = strchr(text, '#');

	if (mark == NULL)
		return true;
	*mark = '\0';
	*name = arena_strdup(a, mark + 1);
	return domain_name(*name, DOMAIN_LABEL_BYTES, DOMAIN_UPPER);
}

/* Absolute or not. Domains that hosts and services are below need not be names of hosts. */
static bool zone_parse(struct name *zone, struct arena *a, const char *text)
{
	const size_t n = strlen(text), bytes = n > 1 && text[n - 1] == '.' ? n - 1 : n;

	return domain_name(arena_strndup(a, text, bytes), DOMAIN_LABEL_BYTES, DOMAIN_UPPER | DOMAIN_UNDERSCORE) &&
	       name_parse(zone, text);
}

static const char *add_server(struct forward_server *to, size_t *count, struct arena *a, const char *text)
{
	const bool tls = strncmp(text, TLS_PREFIX, strlen(TLS_PREFIX)) == 0;
	struct forward_server one = {.at.port = tls ? TLS_PORT : DNS_PORT, .tls = tls};
	char *address = arena_strdup(a, tls ? text + strlen(TLS_PREFIX) : text);

	if (tls && !take_name(a, address, &one.name))
		return arena_printf(a, "\"%s\": not a server's name behind \"#\"", text);
	if (!addr_port_parse(&one.at.addr, &one.at.port, address))
		return arena_printf(a, "\"%s\" is not an address with or without a port", text);
	if (one.at.port == 0 || addr_is_wildcard(&one.at.addr))
		return arena_printf(a, "\"%s\": no server can be there", text);
	if (*count == UPSTREAMS_MAX)
		return "more than 15 servers";
	for (size_t i = 0; i < *count; i++)
		if (to[i].at.port == one.at.port && addr_equal(&to[i].at.addr, &one.at.addr))
			return arena_printf(a, "\"%s\" is given twice", text);
	to[(*count)++] = one;
	return NULL;
}

static const char *add_servers(struct forward_server *to, size_t *count, struct arena *a, const char *list)
{
	char *text = arena_strdup(a, list), *rest = text;
	const char *why = NULL;

	for (char *one; why == NULL && (one = strsep(&rest, ",")) != NULL;)
		why = add_server(to, count, a, one);
	return why;
}

const char *plan_forward(struct forward_plan *p, struct arena *a, const char *text)
{
	const bool none = strcmp(text, "none") == 0, file = text[0] == '/';

	if (p->none || p->file != NULL || ((none || file) && p->count > 0))
		return "\"none\" and a file stand alone";
	p->none = none;
	if (file)
		p->file = arena_strdup(a, text);
	return none || file ? NULL : add_servers(p->to, &p->count, a, text);
}

const char *plan_stub(struct forward_plan *p, struct arena *a, const char *text)
{
	const char *equals = strchr(text, '=');
	struct stub *s;

	if (equals == NULL || equals == text)
		return "is not NAME=ADDR[:PORT][,…]";
	const char *zone = arena_strndup(a, text, (size_t)(equals - text));
	if (p->stub_count == STUBS_MAX)
		return "more than 256 stub domains";
	if (p->stubs == NULL)
		p->stubs = arena_array(a, STUBS_MAX, sizeof *p->stubs);
	s = &p->stubs[p->stub_count];
	*s = (struct stub){0};
	if (!zone_parse(&s->zone, a, zone))
		return arena_printf(a, "\"%s\" is not a domain name", zone);
	for (size_t i = 0; i < p->stub_count; i++)
		if (p->stubs[i].zone.length == s->zone.length &&
		    memcmp(p->stubs[i].zone.wire, s->zone.wire, s->zone.length) == 0)
			return arena_printf(a, "\"%s\" is given twice", zone);
	const char *why = add_servers(s->to, &s->count, a, equals + 1);
	p->stub_count += why == NULL;
	return why;
}

size_t plan_read_file(const char *text, size_t length, struct forward_server to[UPSTREAMS_MAX])
{
	struct arena *a = arena_new(1024);
	struct resolv_conf conf = {0};
	const char *error;
	size_t count = 0;

	if (resolv_conf_parse(a, text, length, &conf, &error))
		for (size_t i = 0; i < conf.nameservers.count; i++)
			if (strncmp(conf.nameservers.items[i], TLS_PREFIX, strlen(TLS_PREFIX)) !=
			    0) /* not in this file */
				(void)add_server(to, &count, a, conf.nameservers.items[i]);
	arena_free(a);
	return count;
}

size_t plan_read_searches(const char *text, size_t length, const struct name *own, struct name to[SEARCH_DOMAINS_MAX])
{
	struct arena *a = arena_new(1024);
	struct resolv_conf conf = {0};
	const char *error;
	size_t count = 0;

	if (resolv_conf_parse(a, text, length, &conf, &error))
		for (size_t i = 0; i < conf.searches.count && count < SEARCH_DOMAINS_MAX; i++)
			count += name_parse(&to[count], conf.searches.items[i]) && to[count].labels > 0 &&
				 !name_ends_with(&to[count], own);
	arena_free(a);
	return count;
}

const struct stub *plan_stub_of(const struct forward_plan *p, const struct name *name)
{
	const struct stub *best = NULL;

	for (size_t i = 0; i < p->stub_count; i++)
		if ((best == NULL || p->stubs[i].zone.labels > best->zone.labels) &&
		    name_ends_with(name, &p->stubs[i].zone))
			best = &p->stubs[i];
	return best;
}

bool plan_serves(const struct forward_plan *p, const struct name *name)
{
	return p->count > 0 || p->file != NULL || plan_stub_of(p, name) != NULL;
}

bool plan_forwards(const struct forward_plan *p)
{
	return p->count > 0 || p->file != NULL || p->stub_count > 0;
}
