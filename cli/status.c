/* `fairlead status`: asks the running daemon. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

#define POLL_US 10000

static int output;
static int64_t wait_ms; /* 0: do not wait */
static const struct option options[] = {
	FLAG_CONTROL,
	FLAG_AT("wait", OPTION_DURATION, wait_ms, "DUR", "until the first full sync is in the kernel and DNS answers"),
	FLAG_OUTPUT(output),
	OPTIONS_END,
};

/* The daemon may not even have made its socket yet, so waiting is asking again. False: in vain. */
static bool wait_ready(const char *path)
{
	uint64_t deadline_ms = clock_ms() + (uint64_t)wait_ms;
	struct buf ignored = {0};
	bool ready;

	while (!(ready = cli_ask(path, "ready", &ignored) == EXIT_YES) && clock_ms() < deadline_ms)
		usleep(POLL_US);
	buf_fini(&ignored);
	return ready;
}

static int status(struct config *c, int argc, char **argv)
{
	struct buf body = {0};

	(void)argc, (void)argv;
	bool waited = wait_ms > 0 && wait_ready(c->control);
	int code = cli_ask(c->control, output == OUTPUT_JSON ? "status json" : "status", &body);
	if (code == EXIT_NO_DAEMON)
		fprintf(stderr, "fairlead status: %s", body.data);
	else
		fwrite(body.data, 1, body.length_bytes, stdout);
	buf_fini(&body);
	/* What was waited for has come; that a later change is not in the kernel yet is no answer to that. */
	return waited && code == EXIT_NO ? EXIT_YES : code;
}

const struct command cli_status = {.name = "status",
				   .options = options,
				   .arguments = "",
				   .arguments_min = 0,
				   .arguments_max = 0,
				   .summary = "source, objects, last sync, kernel in sync or not, DNS",
				   .run = status};
