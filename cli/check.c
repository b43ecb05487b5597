/* `fairlead check`: reads manifests as the daemon would and reports their problems. */
#include <stdio.h>

#include "cli/cli.h"
#include "watch/manifest/manifest.h"

static int check(struct config *c, int argc, char **argv)
{
	struct manifest_counts counts = {0};
	bool readable = true;

	(void)c;
	for (int i = 0; i < argc; i++)
		readable = manifest_check(argv[i], stdout, &counts) && readable;
	if (counts.problems == 0 && readable)
		printf("%zu files, %zu documents, %zu objects: good\n", counts.files, counts.documents, counts.objects);
	return readable && counts.problems == 0 ? EXIT_YES : EXIT_NO;
}

const struct command cli_check = {.name = "check",
				  .options = options_common,
				  .arguments = "PATH…",
				  .arguments_min = 1,
				  .arguments_max = 1 << 20,
				  .summary = "validate manifests without a daemon",
				  .run = check};
