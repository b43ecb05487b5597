/* fairlead run: the daemon. */
#include "cli/cli.h"
#include "daemon/daemon.h"

const struct command cli_run = {.name = "run",
				.options = options_run,
				.arguments = "",
				.summary = "follow the source, program the kernel, answer DNS; in the foreground",
				.run = daemon_run};
