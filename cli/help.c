/* `fairlead help`: options and commands from their tables. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "base/text.h"
#include "base/version.h"

const struct command *cli_find(const char *name)
{
	for (const struct command *const *c = cli_commands; *c != NULL; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

const char *cli_suggestion(const char *name)
{
	static char text[64];
	size_t most = strlen(name) > 2 ? 2 : 0;

	text[0] = '\0';
	for (const struct command *const *c = cli_commands; *c != NULL; c++) {
		size_t distance = text_distance((*c)->name, name, most);
		if (distance > most || (distance == most && text[0] != '\0'))
			continue;
		most = distance;
		snprintf(text, sizeof text, "; did you mean %s?", (*c)->name);
	}
	return text;
}

static void help_all(void)
{
	printf("fairlead: Service proxy and cluster DNS of one Kubernetes node\n\nusage: fairlead COMMAND [FLAG]…\n\n");
	for (const struct command *const *c = cli_commands; *c != NULL; c++)
		printf("  %s%s%s\n        %s\n", (*c)->name, (*c)->arguments[0] != '\0' ? " " : "", (*c)->arguments,
		       (*c)->summary);
	printf("\n`fairlead help COMMAND` or `fairlead COMMAND --help` prints its flags.\n"
	       "Exit codes: 0 yes, 1 no or not found, 2 usage, 3 no daemon.\n");
}

static int help(struct config *c, int argc, char **argv)
{
	(void)c;
	if (argc == 0) {
		help_all();
		return EXIT_YES;
	}
	const struct command *command = cli_find(argv[0]);
	if (command == NULL) {
		fprintf(stderr, "fairlead help: %s: unknown command%s\n", argv[0], cli_suggestion(argv[0]));
		return EXIT_USAGE;
	}
	printf("usage: fairlead %s%s%s [FLAG]…\n\n%s\n\n", command->name, command->arguments[0] != '\0' ? " " : "",
	       command->arguments, command->summary);
	options_help(stdout, command->options);
	return EXIT_YES;
}

const struct command cli_help = {.name = "help",
				 .options = options_common,
				 .arguments = "[COMMAND]",
				 .arguments_min = 0,
				 .arguments_max = 1,
				 .summary = "print the commands, or the flags of one",
				 .run = help};

static int version(struct config *c, int argc, char **argv)
{
	(void)c, (void)argc, (void)argv;
	printf("fairlead %s\n", version_text());
	return EXIT_YES;
}

const struct command cli_version = {.name = "version",
				    .options = options_common,
				    .arguments = "",
				    .arguments_min = 0,
				    .arguments_max = 0,
				    .summary = "print the version",
				    .run = version};
