/* `fairlead explain`: why a name or an address works, or does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/explain/gather.h"
#include "cli/explain/print.h"
#include "cli/query_message.h"

static const char *const words[] = {[RESOLVER_GLIBC] = "glibc",	 [RESOLVER_MUSL] = "musl", [RESOLVER_GO] = "go",
				    [RESOLVER_CARES] = "c-ares", [RESOLVER_DIG] = "dig",   NULL};
static int resolver, output; /* enum resolver, enum output */
static const char *from, *ns, *resolv_conf;
static const struct option options[] = {
	FLAG_CONTROL,
	FLAGS_POD_FILE,
	FLAG_AT("from", OPTION_TEXT, from, "IP|POD|NS/POD", "who connects", .max_bytes = 400),
	FLAG_AT("namespace", OPTION_TEXT, ns, "NS", "namespace of the client (default that of --from, else default)",
		.max_bytes = 63, .refuse = option_not_namespace),
	FLAG_AT("resolver", OPTION_CHOICE, resolver, "NAME", "the client asks as glibc, musl, go, c-ares or dig does",
		.initial = "glibc", .words = words),
	FLAG_AT("resolv-conf", OPTION_TEXT, resolv_conf, "FILE",
		"the client's servers and search list (default a pod's that kubelet makes)"),
	FLAG_OUTPUT(output),
	OPTIONS_END,
};

static bool complain(const char *what, const char *why)
{
	fprintf(stderr, "fairlead explain: %s: %s\n", what, why);
	return false;
}

/* "/tcp", "/UDP" at the end is cut off. */
static bool take_proto(struct facts_asked *asked, char *text)
{
	static const char *const names[] = {"tcp", "udp", "sctp"}, *const upper[] = {"TCP", "UDP", "SCTP"};
	char *slash = strrchr(text, '/');

	if (slash == NULL)
		return true;
	for (size_t i = 0; i < 3; i++)
		if (strcmp(slash + 1, names[i]) == 0 || strcmp(slash + 1, upper[i]) == 0)
			asked->proto = proto_parse(upper[i]);
	*slash = '\0';
	return asked->proto != 0;
}

/* ":80" at the end is cut off. */
static bool take_port(struct facts_asked *asked, char *text)
{
	char *colon = strrchr(text, ':'), *end;

	if (colon == NULL)
		return true;
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (end == colon + 1 || *end != '\0' || port == 0 || port > UINT16_MAX)
		return false;
	asked->port = (uint16_t)port;
	*colon = '\0';
	return true;
}

/* NAME[:PORT][/PROTOCOL] or ADDRESS[:PORT][/PROTOCOL] */
static bool take_asked(struct facts *f, const char *argument)
{
	char *text = arena_strdup(f->arena, argument);
	uint8_t query[QUERY_BYTES_MAX];

	f->asked.text = argument;
	if (!take_proto(&f->asked, text))
		return complain(argument, "the protocol must be tcp, udp or sctp");
	if (addr_port_parse(&f->asked.addr, &f->asked.port, text))
		return true;
	if (!take_port(&f->asked, text))
		return complain(argument, "the port must be a number from 1 to 65535");
	f->asked.name = text;
	if (query_make(query, text, 1, 0, 0) == 0)
		return complain(argument, "is neither a domain name nor an address");
	return true;
}

static int decide(const struct facts *f)
{
	struct findings findings = {.arena = f->arena};
	struct buf out = {0};

	verdict(f, &findings);
	if (output == OUTPUT_JSON)
		explain_json(&out, f, &findings);
	else
		explain_text(&out, f, &findings);
	fwrite(out.data, 1, out.length_bytes, stdout);
	buf_fini(&out);
	return findings_has_fault(&findings) ? EXIT_NO : EXIT_YES;
}

static int explain(struct config *c, int argc, char **argv)
{
	const struct gather_flags flags = {(enum resolver)resolver, from, ns, resolv_conf};
	struct facts f = {.arena = c->arena};

	(void)argc;
	if (!take_asked(&f, argv[0]))
		return EXIT_USAGE;
	if (ns != NULL && resolv_conf != NULL && f.asked.name == NULL)
		return complain("--resolv-conf", "an address needs no name server"), EXIT_USAGE;
	if (!gather_daemon(&f, c, &flags))
		return EXIT_NO_DAEMON;
	if (f.asked.name == NULL)
		gather_services(&f, c);
	else if (!gather_names(&f, c, &flags))
		return EXIT_USAGE;
	gather_kernel(&f, c);
	return decide(&f);
}

const struct command cli_explain = {
	.name = "explain",
	.options = options,
	.arguments = "NAME|ADDRESS[:PORT][/PROTOCOL]",
	.arguments_min = 1,
	.arguments_max = 1,
	.summary = "why a name or an address works, or does not: the first line is the verdict",
	.run = explain};
