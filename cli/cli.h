/*
 * The commands: each describes itself in its own file, and main.c lists them. A command gets its parsed flags and
 * what follows them, prints to stdout, complains to stderr, and returns the exit code:
 * 0 yes, 1 no or not found, 2 usage, 3 no daemon.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/buf.h"
#include "daemon/config.h"
#include "daemon/options.h"

struct command {
	const char *name;
	enum command_bit bit;
	const char *arguments; /* "" when it takes none */
	int arguments_min, arguments_max;
	const char *summary;
	int (*run)(struct config *c, int argc, char **argv);
};

extern const struct command *const cli_commands[]; /* ended by NULL */
const struct command *cli_find(const char *name);

/*
 * Sends one request line to the daemon and collects what it prints. EXIT_NO_DAEMON: no daemon answers at `path`, and
 * the body is one line that says so.
 */
int cli_ask(const char *path, const char *request, struct buf *body);

/*
 * The pod's resolv.conf as the flags of resolvconf describe it; a running daemon fills in what they leave open. False:
 * a line on stderr says why. `command` stands before such lines.
 */
bool cli_pod_file(struct config *c, const char *command, struct buf *out);

/* Each in its own file. */
extern const struct command cli_run, cli_status, cli_services, cli_endpoints, cli_check, cli_resolvconf, cli_query,
	cli_cleanup, cli_cache, cli_version, cli_help;

#endif
