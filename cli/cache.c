/* `fairlead cache`: what the daemon remembers of other servers. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "daemon/control.h"
#include "dns/wire/name.h"

static int cache(struct config *c, int argc, char **argv)
{
	struct buf request = {0}, body = {0};
	const char *which = argc > 1 ? argv[1] : "";
	uint8_t wire[NAME_BYTES];

	if (strcmp(argv[0], "flush") != 0) {
		fprintf(stderr, "fairlead cache: %s: must be flush\n", argv[0]);
		return EXIT_USAGE;
	}
	if (argc > 1 && (which[0] == '\0' || strpbrk(which, " \t\r\n") != NULL || name_encode(wire, which) == 0)) {
		fprintf(stderr, "fairlead cache: \"%s\" is not a domain name\n", which);
		return EXIT_USAGE;
	}
	buf_printf(&request, "cache-flush %s", which);
	int code = cli_ask(c->control, request.data, &body);
	if (code == EXIT_YES)
		fwrite(body.data, 1, body.length_bytes, stdout);
	else
		fprintf(stderr, "fairlead cache: %s", body.length_bytes != 0 ? body.data : "refused\n");
	buf_fini(&request);
	buf_fini(&body);
	return code;
}

const struct command cli_cache = {.name = "cache",
				  .options = options_common,
				  .arguments = "flush [NAME]",
				  .arguments_min = 1,
				  .arguments_max = 2,
				  .summary = "forgets what upstream servers said, of one name or all",
				  .run = cache};
