/* fairlead run: the daemon. */
#include "cli/cli.h"
#include "daemon/daemon.h"

const struct command cli_run = {.name = "run",
				.bit = COMMAND_RUN,
				.arguments = "",
				.summary = "follow the source, program the kernel, answer DNS; in the foreground",
				.run = run};
