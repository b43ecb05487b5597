/* `fairlead services` and `fairlead endpoints`: the asking side. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "daemon/control.h"

static int output;
static const struct option options[] = {FLAG_CONTROL, FLAG_OUTPUT(output), OPTIONS_END};

/* A word of the control socket: printable, without blanks. */
static bool is_word(const char *text)
{
	if (text[0] == '\0' || strlen(text) > CONTROL_REQUEST_BYTES / 2)
		return false;
	for (; *text != '\0'; text++)
		if (!isgraph((unsigned char)*text))
			return false;
	return true;
}

static int forward(struct config *c, const char *command, const char *which)
{
	struct buf request = {0}, body = {0};

	if (which != NULL && !is_word(which)) {
		fprintf(stderr, "fairlead %s: not a name: \"%s\"\n", command, which);
		return EXIT_USAGE;
	}
	buf_printf(&request, "%s %s %s", command, output == OUTPUT_JSON ? "json" : "text", which != NULL ? which : "");
	int code = cli_ask(c->control, request.data, &body);
	if (code != EXIT_YES)
		fprintf(stderr, "fairlead %s: %s", command, body.length_bytes != 0 ? body.data : "refused\n");
	else
		fwrite(body.data, 1, body.length_bytes, stdout);
	buf_fini(&request);
	buf_fini(&body);
	return code;
}

static int services(struct config *c, int argc, char **argv)
{
	return forward(c, "services", argc > 0 ? argv[0] : NULL);
}

const struct command cli_services = {.name = "services",
				     .options = options,
				     .arguments = "[NS[/NAME]]",
				     .arguments_min = 0,
				     .arguments_max = 1,
				     .summary = "what is programmed: frontends, policy, connections",
				     .run = services};

static int endpoints(struct config *c, int argc, char **argv)
{
	(void)argc;
	if (strchr(argv[0], '/') != NULL)
		return forward(c, "endpoints", argv[0]);
	fprintf(stderr, "fairlead endpoints: %s: must be NS/NAME\n", argv[0]);
	return EXIT_USAGE;
}

const struct command cli_endpoints = {.name = "endpoints",
				      .options = options,
				      .arguments = "NS/NAME",
				      .arguments_min = 1,
				      .arguments_max = 1,
				      .summary = "endpoints of a service, and why some are not used",
				      .run = endpoints};
