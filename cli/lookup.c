/* Asks name by name, server by server, until the resolver stops. */
#include "cli/lookup.h"

#include <string.h>

#include "dns/resolver/resolv_conf.h"

#define TRIES_MAX (RESOLV_NAMESERVERS_MAX * SEARCH_FAMILIES)

void lookup_add_server(struct lookup *l, struct addr_port server)
{
	struct addr_port *items = arena_array(l->arena, l->servers.count + 1, sizeof *items);

	if (l->servers.count != 0)
		memcpy(items, l->servers.items, l->servers.count * sizeof *items);
	items[l->servers.count++] = server;
	l->servers.items = items;
}

static void take_servers(struct lookup *l, void (*bad)(const char *server))
{
	struct addr_port server = {.port = DNS_PORT};

	for (size_t i = 0; i < l->file.server_count; i++)
		if (addr_parse(&server.addr, l->file.servers[i]))
			lookup_add_server(l, server);
		else if (bad != NULL)
			bad(l->file.servers[i]);
	if (l->servers.count != 0)
		return;
	addr_parse(&server.addr, "127.0.0.1"); /* what all of them take */
	lookup_add_server(l, server);
}

void lookup_read_file(struct lookup *l, const char *text, size_t length, void (*bad)(const char *server))
{
	l->file = search_config_read(l->arena, l->resolver, text, length);
	if (l->servers.count == 0)
		take_servers(l, bad);
}

/* Of several servers that were asked at once the first good answer counts. */
static void take_outcome(enum outcome *answer, enum outcome o)
{
	if (!query_is_settled(*answer) && o != OUTCOME_NONE)
		*answer = o;
}

static unsigned wait_ms(const struct lookup *l)
{
	unsigned ms = l->file.timeout_s * 1000;

	if (l->resolver == RESOLVER_MUSL)
		ms /= l->file.attempts; /* musl's time is that of all attempts */
	return l->timeout_ms != 0 && l->timeout_ms < ms ? l->timeout_ms : ms;
}

/* Sends what is open to `count` servers at once, and notes what comes back. */
static void ask_servers(struct lookup *l, size_t from, size_t count, const bool open[SEARCH_FAMILIES],
			enum outcome answers[SEARCH_FAMILIES])
{
	bool edns = l->edns || (l->resolver != RESOLVER_GLIBC && l->resolver != RESOLVER_MUSL);
	struct query_try tries[TRIES_MAX] = {0};
	size_t n = 0;

	for (unsigned f = 0; f < l->families; f++)
		for (size_t i = from; open[f] && i < from + count && n < TRIES_MAX; i++)
			tries[n++] = (struct query_try){.server = l->servers.items[i],
							.question = f,
							.name = l->search.names.names[l->search.at],
							.type = l->types[f],
							.tcp = l->search.tcp[f]};
	query_send(tries, n, edns ? LOOKUP_UDP_BYTES_EDNS : LOOKUP_UDP_BYTES_PLAIN, wait_ms(l));
	for (unsigned f = 0; f < l->families; f++)
		if (open[f])
			answers[f] = OUTCOME_NONE;
	for (size_t i = 0; i < n; i++) {
		l->tried(l->ctx, &tries[i]);
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
static void send_round(struct lookup *l)
{
	enum outcome answers[SEARCH_FAMILIES] = {OUTCOME_NONE, OUTCOME_NONE};
	bool open[SEARCH_FAMILIES] = {l->search.ask[0], l->search.ask[1]};
	size_t at_once = l->resolver == RESOLVER_MUSL ? l->servers.count : 1;

	for (size_t i = 0; i < l->servers.count && (open[0] || open[1]); i += at_once) {
		ask_servers(l, i, at_once, open, answers);
		for (unsigned f = 0; f < SEARCH_FAMILIES; f++)
			open[f] = l->search.ask[f] && open[f] && next_server(l->resolver, answers[f]);
		if (l->resolver == RESOLVER_GLIBC && (open[0] || open[1]))
			memcpy(open, l->search.ask, sizeof open); /* both go to the next server */
	}
	search_answered(&l->search, answers);
	if (l->search.why != NULL)
		l->told(l->ctx, l->search.why);
}

void lookup_run(struct lookup *l, bool searching)
{
	struct search_config as_is = l->file;

	if (!searching)
		as_is.domain_count = 0;
	search_start(&l->search, l->resolver, &l->file,
		     search_names_make(l->arena, l->resolver, searching ? &l->file : &as_is, l->name), l->families);
	while (l->search.result == SEARCH_OPEN) {
		l->last = l->search.at;
		send_round(l);
	}
}

const char *lookup_reason(const struct search *s)
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

const char *lookup_line(const struct buf *text, const char **at, size_t *length, bool *ede)
{
	const char *line = *at != NULL ? *at : text->data;

	line = line != NULL ? strchr(line, '\n') : NULL; /* the end of the line before */
	if (line == NULL || line[1] == '\0')
		return NULL;
	*at = line + 1;
	line += 1 + strspn(line + 1, " ");
	*ede = strncmp(line, "EDE ", 4) == 0;
	line += *ede ? 4 : 0;
	*length = strcspn(line, "\n");
	return line;
}
