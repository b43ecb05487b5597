#include <stdio.h>

#include "nft/nft.h"
#include "cli/cli.h"
#include "daemon/control.h"

int cli_cleanup(struct config *c, int argc, char **argv)
{
	const struct ruleset_config ruleset = {.table = c->table};
	const char *error = "";

	(void)argc, (void)argv;
	if (control_locked(c->control)) {
		fprintf(stderr, "fairlead cleanup: a daemon is running (control socket %s); stop it first\n",
			c->control);
		return EXIT_NO;
	}
	struct nft *nft = nft_open(&ruleset, &error);
	if (nft == NULL) {
		fprintf(stderr, "fairlead cleanup: %s\n", error);
		return EXIT_NO;
	}
	int failed = nft_cleanup(nft);
	if (failed != 0)
		fprintf(stderr, "fairlead cleanup: %s\n", nft_error(nft));
	nft_close(nft);
	return failed != 0 ? EXIT_NO : EXIT_YES;
}
