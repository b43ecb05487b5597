/* fairlead: picks the command, parses its flags, runs it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define CLI_ENTRY(NAME) &cli_##NAME,
const struct command *const cli_commands[] = {CLI_COMMANDS(CLI_ENTRY) NULL};

/* --help wins over everything before "--". */
static bool asks_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int command_run(const struct command *command, int argc, char **argv)
{
	char error[ERROR_BYTES] = "";
	struct config config;
	int count, code = EXIT_USAGE;

	config_init(&config);
	if (!options_parse(&config, command->options, argc, argv, &count, error))
		fprintf(stderr, "fairlead %s: %s\n", command->name, error);
	else if (count > command->arguments_max)
		fprintf(stderr, "fairlead %s: %s: unexpected argument\n", command->name, argv[command->arguments_max]);
	else if (count < command->arguments_min)
		fprintf(stderr, "fairlead %s: %s is missing\n", command->name, command->arguments);
	else
		code = command->run(&config, count, argv);
	config_fini(&config);
	return code;
}

/* What was printed must have arrived: a script that keeps it on a full disk has to hear of that. */
static int output_checked(const char *command, int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "fairlead %s: cannot write: %s\n", command, strerror(errno));
	return code == EXIT_YES ? EXIT_NO : code;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct command *command = cli_find(name);

	if (argc == 2 && asks_help(1, argv + 1))
		return output_checked("help", cli_help.run(NULL, 0, NULL));
	if (argc == 2 && strcmp(name, "--version") == 0)
		return output_checked("version", cli_version.run(NULL, 0, NULL));
	if (command != NULL && asks_help(argc - 2, argv + 2))
		return output_checked("help", cli_help.run(NULL, 1, argv + 1));
	if (command != NULL)
		return output_checked(name, command_run(command, argc - 2, argv + 2));
	if (name[0] == '\0')
		fprintf(stderr, "fairlead: a command is missing; try `fairlead help`\n");
	else
		fprintf(stderr, "fairlead: %s: unknown command%s%s\n", name, cli_suggestion(name),
			cli_suggestion(name)[0] == '\0' ? "; try `fairlead help`" : "");
	return EXIT_USAGE;
}
