/* `fairlead query`: what a resolver sends for a name, step by step, and where it stops and why. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/read_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/lookup.h"
#include "dns/resolver/resolv_conf.h"

static const char *const words[] = {[RESOLVER_GLIBC] = "glibc",	 [RESOLVER_MUSL] = "musl", [RESOLVER_GO] = "go",
				    [RESOLVER_CARES] = "c-ares", [RESOLVER_DIG] = "dig",   NULL};
static int resolver;		     /* enum resolver */
static int output;		     /* enum output */
static const char *resolv_conf, *ns; /* file; NULL: the pod's when ns is set, else the system's */
static const struct option options[] = {
	FLAG_CONTROL,
	FLAGS_POD_FILE,
	FLAG_AT("resolver", OPTION_CHOICE, resolver, "NAME",
		"asks as glibc, musl, go, c-ares or dig does; all but dig search without +search, too",
		.initial = "dig", .words = words),
	FLAG_AT("resolv-conf", OPTION_TEXT, resolv_conf, "FILE", "servers and search list (default /etc/resolv.conf)"),
	FLAG_AT("namespace", OPTION_TEXT, ns, "NS", "asks as a pod of this namespace, by its resolv.conf",
		.max_bytes = 63, .refuse = option_not_namespace),
	FLAG_OUTPUT(output),
	OPTIONS_END,
};

#define ARGUMENTS_MAX 4

struct asking {
	struct config *config;
	struct lookup lookup;
	bool search_wanted;
	unsigned sent;
	struct json json; /* of -o json */
};

static bool complain(const char *what, const char *why)
{
	fprintf(stderr, "fairlead query: %s: %s\n", what, why);
	return false;
}

static bool take_server(struct asking *q, const char *text)
{
	struct addr_port server = {.port = DNS_PORT};

	if (q->lookup.servers.count != 0 || !addr_port_parse(&server.addr, &server.port, text) || server.port == 0)
		return complain(text, "the server must be one ADDR or ADDR:PORT");
	lookup_add_server(&q->lookup, server);
	return true;
}

/* As dig takes them: in any order, the name before the type. */
static bool take_argument(struct asking *q, const char *text)
{
	if (text[0] == '@')
		return take_server(q, text + 1);
	if (strcmp(text, "+search") == 0) {
		q->search_wanted = true;
		return true;
	}
	if (text[0] == '+')
		return complain(text, "unknown; there is +search");
	if (q->lookup.name == NULL) {
		uint8_t query[QUERY_BYTES_MAX];
		q->lookup.name = text;
		return query_make(query, text, LOOKUP_TYPE_A, LOOKUP_UDP_BYTES_EDNS, 0) != 0 ||
		       complain(text, "is no domain name");
	}
	if (q->lookup.types[0] != 0)
		return complain(text, "unexpected argument");
	q->lookup.types[0] = query_type(text);
	q->lookup.families = 1;
	return q->lookup.types[0] != 0 || complain(text, "unknown type");
}

static bool take_arguments(struct asking *q, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!take_argument(q, argv[i]))
			return false;
	if (q->lookup.name == NULL)
		return complain("NAME", "is missing");
	if (q->lookup.types[0] != 0)
		return true;
	q->lookup.types[0] = LOOKUP_TYPE_A;
	q->lookup.types[1] = LOOKUP_TYPE_AAAA;
	q->lookup.families = q->lookup.resolver == RESOLVER_DIG ? 1 : SEARCH_FAMILIES;
	return true;
}

/* The server that is asked stands for the cluster's DNS when nothing else says where that is. */
static bool pod_file(struct asking *q, struct buf *text)
{
	struct config *c = q->config;

	if (c->cluster_dns.count == 0 && q->lookup.servers.count != 0) {
		c->cluster_dns.items = arena_alloc(c->arena, sizeof *c->cluster_dns.items);
		c->cluster_dns.items[0] = q->lookup.servers.items[0].addr;
		c->cluster_dns.count = 1;
	}
	return cli_pod_file(c, "query", ns, text);
}

static bool read_text(struct asking *q, struct buf *text)
{
	const char *path = resolv_conf != NULL ? resolv_conf : "/etc/resolv.conf";
	size_t length;

	if (ns != NULL && resolv_conf != NULL)
		return complain("--resolv-conf", "--namespace makes the file: give one of them");
	if (ns != NULL)
		return pod_file(q, text);
	char *bytes = read_file(path, RESOLV_FILE_BYTES_MAX, &length);
	if (bytes == NULL)
		return complain(path, strerror(errno));
	buf_add(text, bytes, length);
	free(bytes);
	return true;
}

static void complain_server(const char *server)
{
	complain(server, "nameserver left out: not an IP address");
}

static bool read_resolv_conf(struct asking *q)
{
	struct buf text = {0};
	bool good = read_text(q, &text);

	if (good) {
		lookup_read_file(&q->lookup, text.data != NULL ? text.data : "", text.length_bytes, complain_server);
		if (q->lookup.file.warning != NULL)
			fprintf(stderr, "fairlead query: warning: %s\n", q->lookup.file.warning);
	}
	buf_fini(&text);
	return good;
}

/* ---- text ---- */

static const char *format_server(const struct query_try *t, char text[ADDR_PORT_TEXT_BYTES])
{
	return t->server.port == DNS_PORT ? addr_format(&t->server.addr, text)
					  : addr_port_format(&t->server.addr, t->server.port, text);
}

static void print_try(void *ctx, const struct query_try *t)
{
	struct asking *q = ctx;
	char server[ADDR_PORT_TEXT_BYTES], type[16];
	struct buf name = {0};

	buf_add_escaped(&name, t->name, strlen(t->name), false);
	printf("%u  %s %s @%s%s  %.1f ms  %s", ++q->sent, name.data, query_type_name(t->type, type),
	       format_server(t, server), t->tcp ? " tcp" : "", (double)t->took_ns / 1e6, t->text.data);
	buf_fini(&name);
	fflush(stdout);
}

static void print_told(void *ctx, const char *why)
{
	(void)ctx;
	printf("   %s\n", why);
}

static void print_end(const struct asking *q)
{
	const struct search *s = &q->lookup.search;
	const char *r = resolver_name(s->resolver);
	const size_t last = q->lookup.last;
	char *questions = arena_printf(q->config->arena, "%u question%s", q->sent, q->sent == 1 ? "" : "s");

	if (s->result == SEARCH_FOUND) {
		printf("%s stops: found as %s after %s\n", r, s->names.names[last], questions);
		return;
	}
	printf("%s stops: %s after %s: %s\n", r, search_error(s), questions, lookup_reason(s));
	if (last + 1 < s->names.count)
		printf("not tried:");
	for (size_t i = last + 1; i < s->names.count; i++)
		printf(" %s%s", s->names.names[i], i + 1 < s->names.count ? "" : "\n");
	if (s->resolver == RESOLVER_DIG && !q->search_wanted)
		printf("dig asks the name as it stands; +search tries the search list\n");
}

/* ---- JSON ---- */

static void json_lines(struct json *j, const char *key, struct arena *a, const struct buf *text, bool errors)
{
	const char *at = NULL, *line;
	size_t length;
	bool ede;

	json_array(j, key);
	while ((line = lookup_line(text, &at, &length, &ede)) != NULL)
		if (ede == errors)
			json_string(j, NULL, arena_strndup(a, line, length));
	json_end(j);
}

static void json_try(void *ctx, const struct query_try *t)
{
	struct asking *q = ctx;
	struct arena *a = q->config->arena;
	char server[ADDR_PORT_TEXT_BYTES], type[16];
	struct json *j = &q->json;

	q->sent++;
	json_object(j, NULL);
	json_string(j, "name", t->name);
	json_string(j, "type", query_type_name(t->type, type));
	json_string(j, "server", format_server(t, server));
	json_string(j, "transport", t->tcp ? "TCP" : "UDP");
	json_number(j, "microseconds", (int64_t)(t->took_ns / 1000));
	json_string(j, "status", arena_strndup(a, t->text.data, strcspn(t->text.data, ",\n")));
	json_lines(j, "records", a, &t->text, false);
	json_lines(j, "extendedErrors", a, &t->text, true);
	json_end(j);
}

static void json_told(void *ctx, const char *why)
{
	struct asking *q = ctx;

	json_object(&q->json, NULL);
	json_string(&q->json, "note", why);
	json_end(&q->json);
}

static void json_finish(struct asking *q)
{
	const struct search *s = &q->lookup.search;
	struct json *j = &q->json;

	json_end(j);
	json_string(j, "resolver", resolver_name(s->resolver));
	json_bool(j, "found", s->result == SEARCH_FOUND);
	json_string(j, "foundAs", s->result == SEARCH_FOUND ? s->names.names[q->lookup.last] : NULL);
	json_string(j, "error", s->result == SEARCH_FOUND ? NULL : search_error(s));
	json_string(j, "reason", s->result == SEARCH_FOUND ? NULL : lookup_reason(s));
	json_number(j, "questions", q->sent);
	json_array(j, "notTried");
	for (size_t i = q->lookup.last + 1; s->result != SEARCH_FOUND && i < s->names.count; i++)
		json_string(j, NULL, s->names.names[i]);
	json_end(j);
	json_end(j);
	printf("%s\n", j->out->data);
}

static void walk(struct asking *q)
{
	struct lookup *l = &q->lookup;
	struct buf out = {0};

	l->ctx = q;
	l->tried = output == OUTPUT_JSON ? json_try : print_try;
	l->told = output == OUTPUT_JSON ? json_told : print_told;
	if (output == OUTPUT_JSON) {
		q->json.out = &out;
		json_object(&q->json, NULL);
		json_array(&q->json, "steps");
	}
	lookup_run(l, q->search_wanted || l->resolver != RESOLVER_DIG);
	if (output == OUTPUT_JSON)
		json_finish(q);
	else
		print_end(q);
	buf_fini(&out);
}

static int query(struct config *c, int argc, char **argv)
{
	struct asking q = {.config = c, .lookup = {.arena = c->arena, .resolver = (enum resolver)resolver}};
	struct addr address;

	if (!take_arguments(&q, argc, argv) || !read_resolv_conf(&q))
		return EXIT_USAGE;
	if (q.lookup.resolver != RESOLVER_DIG && addr_parse(&address, q.lookup.name)) {
		printf(output == OUTPUT_JSON ? "{\"steps\":[],\"resolver\":\"%s\",\"found\":true}\n"
					     : "%s stops: this is an address; nothing is asked\n",
		       resolver_name(q.lookup.resolver));
		return EXIT_YES;
	}
	walk(&q);
	return q.lookup.search.result == SEARCH_FOUND ? EXIT_YES : EXIT_NO;
}

const struct command cli_query = {.name = "query",
				  .options = options,
				  .arguments = "NAME [TYPE] [@SERVER[:PORT]] [+search]",
				  .arguments_min = 1,
				  .arguments_max = ARGUMENTS_MAX,
				  .summary =
					  "asks for a name as a resolver does, and shows each step and where it stops",
				  .run = query};
