/* `fairlead query`: what a resolver sends for a name, step by step, and where it stops and why. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/read_file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/query_send.h"
#include "dns/resolver/resolv_conf.h"
#include "dns/resolver/search.h"

static const char *const words[] = {[RESOLVER_GLIBC] = "glibc",	 [RESOLVER_MUSL] = "musl", [RESOLVER_GO] = "go",
				    [RESOLVER_CARES] = "c-ares", [RESOLVER_DIG] = "dig",   NULL};
static int resolver;		     /* enum resolver */
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
	OPTIONS_END,
};

#define TRIES_MAX (RESOLV_NAMESERVERS_MAX * SEARCH_FAMILIES)
#define TYPE_A 1
#define TYPE_AAAA 28
#define UDP_BYTES_PLAIN 512 /* what glibc and musl take (RFC 1035 4.2.1) */
#define UDP_BYTES_EDNS 1232
#define ARGUMENTS_MAX 4

struct asking {
	struct config *config;
	enum resolver resolver;
	/* arguments */
	const char *name;
	unsigned types[SEARCH_FAMILIES], families;
	bool search_wanted;
	struct addr_port_list servers;
	/* on the way */
	struct search_config file;
	struct search search;
	unsigned sent;
};

static bool complain(const char *what, const char *why)
{
	fprintf(stderr, "fairlead query: %s: %s\n", what, why);
	return false;
}

static void add_server(struct asking *q, struct addr_port server)
{
	struct addr_port *items = arena_array(q->config->arena, q->servers.count + 1, sizeof *items);

	if (q->servers.count != 0)
		memcpy(items, q->servers.items, q->servers.count * sizeof *items);
	items[q->servers.count++] = server;
	q->servers.items = items;
}

static bool take_server(struct asking *q, const char *text)
{
	struct addr_port server = {.port = DNS_PORT};

	if (q->servers.count != 0 || !addr_port_parse(&server.addr, &server.port, text) || server.port == 0)
		return complain(text, "the server must be one ADDR or ADDR:PORT");
	add_server(q, server);
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
	if (q->name == NULL) {
		uint8_t query[QUERY_BYTES_MAX];
		q->name = text;
		return query_make(query, text, TYPE_A, UDP_BYTES_EDNS, 0) != 0 || complain(text, "is no domain name");
	}
	if (q->types[0] != 0)
		return complain(text, "unexpected argument");
	q->types[0] = query_type(text);
	q->families = 1;
	return q->types[0] != 0 || complain(text, "unknown type");
}

static bool take_arguments(struct asking *q, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!take_argument(q, argv[i]))
			return false;
	if (q->name == NULL)
		return complain("NAME", "is missing");
	if (q->types[0] != 0)
		return true;
	q->types[0] = TYPE_A;
	q->types[1] = TYPE_AAAA;
	q->families = q->resolver == RESOLVER_DIG ? 1 : SEARCH_FAMILIES;
	return true;
}

/* The server that is asked stands for the cluster's DNS when nothing else says where that is. */
static bool pod_file(struct asking *q, struct buf *text)
{
	struct config *c = q->config;

	if (c->cluster_dns.count == 0 && q->servers.count != 0) {
		c->cluster_dns.items = arena_alloc(c->arena, sizeof *c->cluster_dns.items);
		c->cluster_dns.items[0] = q->servers.items[0].addr;
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

static void take_servers(struct asking *q)
{
	struct addr_port server = {.port = DNS_PORT};

	for (size_t i = 0; i < q->file.server_count; i++)
		if (addr_parse(&server.addr, q->file.servers[i]))
			add_server(q, server);
		else
			complain(q->file.servers[i], "nameserver left out: not an IP address");
	if (q->servers.count != 0)
		return;
	addr_parse(&server.addr, "127.0.0.1"); /* what all of them take */
	add_server(q, server);
}

static bool read_resolv_conf(struct asking *q)
{
	struct buf text = {0};
	bool good = read_text(q, &text);

	if (good) {
		q->file = search_config_read(q->config->arena, q->resolver, text.data != NULL ? text.data : "",
					     text.length_bytes);
		if (q->file.warning != NULL)
			fprintf(stderr, "fairlead query: warning: %s\n", q->file.warning);
		if (q->servers.count == 0)
			take_servers(q);
	}
	buf_fini(&text);
	return good;
}

static void print_try(struct asking *q, const struct query_try *t)
{
	char server[ADDR_PORT_TEXT_BYTES], type[16];
	struct buf name = {0};
	bool plain = t->server.port == DNS_PORT;

	buf_add_escaped(&name, t->name, strlen(t->name), false);
	printf("%u  %s %s @%s%s  %.1f ms  %s", ++q->sent, name.data, query_type_name(t->type, type),
	       plain ? addr_format(&t->server.addr, server) : addr_port_format(&t->server.addr, t->server.port, server),
	       t->tcp ? " tcp" : "", (double)t->took_ns / 1e6, t->text.data);
	buf_fini(&name);
}

/* Of several servers that were asked at once the first good answer counts. */
static void take_outcome(enum outcome *answer, enum outcome o)
{
	if (!query_is_settled(*answer) && o != OUTCOME_NONE)
		*answer = o;
}

static unsigned wait_ms(const struct asking *q)
{
	unsigned ms = q->file.timeout_s * 1000;

	return q->resolver == RESOLVER_MUSL ? ms / q->file.attempts : ms; /* musl's time is that of all attempts */
}

/* Sends what is open to `count` servers at once, and notes what comes back. */
static void ask_servers(struct asking *q, size_t from, size_t count, const bool open[SEARCH_FAMILIES],
			enum outcome answers[SEARCH_FAMILIES])
{
	bool edns = q->resolver != RESOLVER_GLIBC && q->resolver != RESOLVER_MUSL;
	struct query_try tries[TRIES_MAX] = {0};
	size_t n = 0;

	for (unsigned f = 0; f < q->families; f++)
		for (size_t i = from; open[f] && i < from + count && n < TRIES_MAX; i++)
			tries[n++] = (struct query_try){.server = q->servers.items[i],
							.question = f,
							.name = q->search.names.names[q->search.at],
							.type = q->types[f],
							.tcp = q->search.tcp[f]};
	query_send(tries, n, edns ? UDP_BYTES_EDNS : UDP_BYTES_PLAIN, wait_ms(q));
	for (unsigned f = 0; f < q->families; f++)
		if (open[f])
			answers[f] = OUTCOME_NONE;
	for (size_t i = 0; i < n; i++) {
		print_try(q, &tries[i]);
		take_outcome(&answers[tries[i].question], tries[i].outcome);
		buf_fini(&tries[i].text);
	}
}

/* Does the resolver go on to the next server after this answer? */
static bool next_server(enum resolver r, enum outcome o)
{
	if (r == RESOLVER_DIG)
		return o == OUTCOME_TIMEOUT;
	return !query_is_settled(o) || (o == OUTCOME_LAME && (r == RESOLVER_GLIBC || r == RESOLVER_GO));
}

/* The questions that the model wants sent now, to one server after the other; musl asks all of them at once. */
static void send_round(struct asking *q)
{
	enum outcome answers[SEARCH_FAMILIES] = {OUTCOME_NONE, OUTCOME_NONE};
	bool open[SEARCH_FAMILIES] = {q->search.ask[0], q->search.ask[1]};
	size_t at_once = q->resolver == RESOLVER_MUSL ? q->servers.count : 1;

	for (size_t i = 0; i < q->servers.count && (open[0] || open[1]); i += at_once) {
		ask_servers(q, i, at_once, open, answers);
		for (unsigned f = 0; f < SEARCH_FAMILIES; f++)
			open[f] = q->search.ask[f] && open[f] && next_server(q->resolver, answers[f]);
		if (q->resolver == RESOLVER_GLIBC && (open[0] || open[1]))
			memcpy(open, q->search.ask, sizeof open); /* both go to the next server */
	}
	search_answered(&q->search, answers);
	if (q->search.why != NULL)
		printf("   %s\n", q->search.why);
}

static const char *reason(const struct search *s)
{
	switch (s->result) {
	case SEARCH_NO_NAME:
		return "no name that was tried has records";
	case SEARCH_NO_DATA:
		return "the name exists and has no such records";
	case SEARCH_TRY_AGAIN:
	case SEARCH_FAILED:
		return s->last == OUTCOME_TIMEOUT ? "no server answered" : "the servers failed";
	default:
		return "";
	}
}

static int print_end(const struct asking *q, size_t last)
{
	const struct search *s = &q->search;
	const char *r = resolver_name(q->resolver);
	char *questions = arena_printf(q->config->arena, "%u question%s", q->sent, q->sent == 1 ? "" : "s");

	if (s->result == SEARCH_FOUND) {
		printf("%s stops: found as %s after %s\n", r, s->names.names[last], questions);
		return EXIT_YES;
	}
	printf("%s stops: %s after %s: %s\n", r, search_error(s), questions, reason(s));
	if (last + 1 < s->names.count)
		printf("not tried:");
	for (size_t i = last + 1; i < s->names.count; i++)
		printf(" %s%s", s->names.names[i], i + 1 < s->names.count ? "" : "\n");
	if (q->resolver == RESOLVER_DIG && !q->search_wanted)
		printf("dig asks the name as it stands; +search tries the search list\n");
	return EXIT_NO;
}

static int walk(struct asking *q)
{
	struct search_config as_is = q->file;
	bool searching = q->search_wanted || q->resolver != RESOLVER_DIG;
	size_t last = 0;

	if (!searching)
		as_is.domain_count = 0;
	search_start(&q->search, q->resolver, &q->file,
		     search_names_make(q->config->arena, q->resolver, searching ? &q->file : &as_is, q->name),
		     q->families);
	while (q->search.result == SEARCH_OPEN) {
		last = q->search.at;
		send_round(q);
		fflush(stdout);
	}
	return print_end(q, last);
}

static int query(struct config *c, int argc, char **argv)
{
	struct asking q = {.config = c, .resolver = (enum resolver)resolver};
	struct addr address;

	if (!take_arguments(&q, argc, argv) || !read_resolv_conf(&q))
		return EXIT_USAGE;
	if (q.resolver != RESOLVER_DIG && addr_parse(&address, q.name)) {
		printf("%s stops: this is an address; nothing is asked\n", resolver_name(q.resolver));
		return EXIT_YES;
	}
	return walk(&q);
}

const struct command cli_query = {.name = "query",
				  .options = options,
				  .arguments = "NAME [TYPE] [@SERVER[:PORT]] [+search]",
				  .arguments_min = 1,
				  .arguments_max = ARGUMENTS_MAX,
				  .summary =
					  "asks for a name as a resolver does, and shows each step and where it stops",
				  .run = query};
