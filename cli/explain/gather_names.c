/* Asks for the name as the client's resolver does, and finds out which Service was meant. */
#include "cli/explain/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/read_file.h"
#include "cli/cli.h"
#include "cli/lookup.h"
#include "dns/resolver/resolv_conf.h"

#define WAIT_MS 2000 /* for one reply: a person waits */

/* ---- steps ---- */

struct gathering {
	struct facts *facts;
	size_t room, addr_room;
};

static bool is_ours(const struct facts *f, const struct addr_port *server)
{
	const struct facts_daemon *d = &f->daemon;

	for (size_t i = 0; i < d->dns_listen.count; i++)
		if (d->dns_listen.items[i].port == server->port &&
		    (addr_is_wildcard(&d->dns_listen.items[i].addr) ||
		     addr_equal(&d->dns_listen.items[i].addr, &server->addr)))
			return true;
	for (size_t i = 0; i < d->cluster_dns.count; i++)
		if (addr_equal(&d->cluster_dns.items[i], &server->addr))
			return true;
	return false;
}

/* The data of a record of type A or AAAA is an address; that of others is none. */
static void take_record(struct gathering *g, const char *line, size_t length)
{
	struct facts_names *n = &g->facts->names;
	const char *text = arena_strndup(g->facts->arena, line, length), *last = strrchr(text, ' ');
	struct addr a;

	if (last == NULL || !addr_parse(&a, last + 1))
		return;
	struct addr *items = arena_array(g->facts->arena, n->addrs.count + 1, sizeof *items);
	if (n->addrs.count != 0)
		memcpy(items, n->addrs.items, n->addrs.count * sizeof *items);
	items[n->addrs.count++] = a;
	n->addrs.items = items;
}

static void take_text(struct gathering *g, struct facts_step *s, const struct query_try *t)
{
	const char *at = NULL, *line;
	size_t length;
	bool ede;

	s->ede_code = -1;
	s->status = arena_strndup(g->facts->arena, t->text.data, strcspn(t->text.data, ",\n"));
	while ((line = lookup_line(&t->text, &at, &length, &ede)) != NULL) {
		if (!ede) {
			take_record(g, line, length);
			continue;
		}
		s->ede = arena_strndup(g->facts->arena, line, length);
		s->ede_code = (int)strtol(line, NULL, 10);
	}
}

static void on_try(void *ctx, const struct query_try *t)
{
	struct gathering *g = ctx;
	struct arena *a = g->facts->arena;
	struct facts_names *n = &g->facts->names;
	char type[16], server[ADDR_PORT_TEXT_BYTES];
	struct facts_step *steps;

	if (n->step_count == g->room) {
		g->room = g->room == 0 ? 16 : g->room * 2;
		steps = arena_array(a, g->room, sizeof *steps);
		if (n->step_count != 0)
			memcpy(steps, n->steps, n->step_count * sizeof *steps);
		n->steps = steps;
	}
	struct facts_step *s = &n->steps[n->step_count++];
	*s = (struct facts_step){
		.name = t->name,
		.type = arena_strdup(a, query_type_name(t->type, type)),
		.outcome = t->outcome,
		.server_is_ours = is_ours(g->facts, &t->server),
		.server = arena_strdup(a, t->server.port == DNS_PORT
						  ? addr_format(&t->server.addr, server)
						  : addr_port_format(&t->server.addr, t->server.port, server))};
	take_text(g, s, t);
}

static void on_told(void *ctx, const char *why)
{
	((struct gathering *)ctx)->facts->names.told = why;
}

/* ---- the resolver's file ---- */

static bool file_of_flag(struct facts *f, const char *path, struct buf *text)
{
	size_t length;
	char *bytes = read_file(path, RESOLV_FILE_BYTES_MAX, &length);

	(void)f;
	if (bytes == NULL) {
		fprintf(stderr, "fairlead explain: %s: %s\n", path, strerror(errno));
		return false;
	}
	buf_add(text, bytes, length);
	free(bytes);
	return true;
}

/* The file of a pod (dnsPolicy ClusterFirst), whose server is this daemon. */
static bool file_of_pod(struct facts *f, struct config *c, struct buf *text)
{
	c->cluster_domain = f->daemon.domain;
	if (c->cluster_dns.count == 0 && f->daemon.dns_listen.count != 0) {
		c->cluster_dns.items = arena_alloc(c->arena, sizeof *c->cluster_dns.items);
		c->cluster_dns.items[0] = f->daemon.dns_listen.items[0].addr;
		c->cluster_dns.count = 1;
	}
	return cli_pod_file(c, "explain", f->client.ns, text);
}

/* A wildcard stands for every address of the host; the daemon's own port counts. */
static void add_own_server(struct lookup *l, const struct facts *f)
{
	struct addr_port own = f->daemon.dns_listen.items[0];

	if (addr_is_wildcard(&own.addr))
		addr_parse(&own.addr, own.addr.family == AF_INET ? "127.0.0.1" : "::1");
	lookup_add_server(l, own);
}

static bool read_file_of_client(struct facts *f, struct config *c, const struct gather_flags *flags, struct lookup *l)
{
	struct buf text = {0};
	bool own = flags->resolv_conf == NULL && c->cluster_dns.count == 0 && f->daemon.dns_listen.count != 0;
	bool good = flags->resolv_conf != NULL ? file_of_flag(f, flags->resolv_conf, &text) : file_of_pod(f, c, &text);

	if (own)
		add_own_server(l, f);
	if (good)
		lookup_read_file(l, text.data != NULL ? text.data : "", text.length_bytes, NULL);
	buf_fini(&text);
	return good;
}

/* ---- which Service ---- */

static size_t labels_of(char *name, char *labels[], size_t most)
{
	size_t count = 0;

	for (char *rest = NULL, *label = strtok_r(name, ".", &rest); label != NULL && count < most;
	     label = strtok_r(NULL, ".", &rest))
		labels[count++] = label;
	return count;
}

static bool ends_in(const char *name, const char *tail)
{
	size_t n = strlen(name), t = strlen(tail);

	return n > t && strcasecmp(name + n - t, tail) == 0 && name[n - t - 1] == '.';
}

static void cut(char *name, const char *tail)
{
	if (ends_in(name, tail))
		name[strlen(name) - strlen(tail) - 1] = '\0';
}

#define LABELS_MAX 8

/* SERVICE, SERVICE.NAMESPACE, ENDPOINT.SERVICE.NAMESPACE, with or without svc and the domain. */
static void meant(struct facts *f, const char *asked)
{
	char *name = arena_strdup(f->arena, asked), *labels[LABELS_MAX];
	size_t count, length = strlen(name);

	if (length > 0 && name[length - 1] == '.')
		name[length - 1] = '\0';
	cut(name, f->daemon.domain);
	cut(name, "svc");
	count = labels_of(name, labels, LABELS_MAX);
	if (count == 0)
		return;
	f->names.service = labels[count > 1 ? count - 2 : 0];
	f->names.ns = count > 1 ? labels[count - 1] : f->client.ns;
}

/* An address or a Service of another kind of name (pods, reverse names) is none. */
static void find_service(struct facts *f, const struct config *c)
{
	const char *found = f->names.found;
	const char *svc = arena_printf(f->arena, "svc.%s.", f->daemon.domain);

	if (found == NULL || ends_in(found, svc))
		meant(f, found != NULL ? found : f->asked.name);
	gather_services(f, c);
	if (found != NULL || f->service_count != 0 || f->namesake_count != 0 || f->names.service == NULL ||
	    strcmp(f->names.ns, f->client.ns) == 0)
		return;
	/* ENDPOINT.SERVICE, as seen from its own namespace; or a Service whose namespace was mistyped. */
	const char *service = f->names.service, *ns = f->names.ns;
	f->names.service = ns;
	f->names.ns = f->client.ns;
	gather_services(f, c);
	if (f->service_count != 0)
		return;
	f->names.service = service;
	f->names.ns = ns;
	gather_services(f, c);
}

bool gather_names(struct facts *f, struct config *c, const struct gather_flags *flags)
{
	struct gathering g = {.facts = f};
	struct facts_names *n = &f->names;
	struct lookup l = {.arena = f->arena,
			   .resolver = flags->resolver,
			   .name = f->asked.name,
			   .types = {LOOKUP_TYPE_A, LOOKUP_TYPE_AAAA},
			   .families = flags->resolver == RESOLVER_DIG ? 1 : SEARCH_FAMILIES,
			   .edns = true,
			   .timeout_ms = WAIT_MS,
			   .tried = on_try,
			   .told = on_told,
			   .ctx = &g};

	if (!read_file_of_client(f, c, flags, &l))
		return false;
	lookup_run(&l, true);
	n->resolver = flags->resolver;
	n->ndots = l.file.ndots;
	n->warning = l.file.warning;
	n->result = l.search.result;
	n->name_count = l.search.names.count;
	n->found = n->result == SEARCH_FOUND ? l.search.names.names[l.last] : NULL;
	n->error = n->found == NULL ? search_error(&l.search) : NULL;
	find_service(f, c);
	return true;
}
