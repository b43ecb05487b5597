/* `fairlead cleanup`: removes the table from the kernel. */
#include <stdio.h>

#include "base/buf.h"
#include "netlink/other_proxy.h"
#include "nft/nft.h"
#include "cli/cli.h"
#include "daemon/control.h"

/* A node without any proxy reaches no Service: who cleans up before another one is there hears of it. */
static void report(const char *table, enum table_state state)
{
	unsigned others = other_proxy_find();
	struct buf modes = {0};

	printf("table inet %s: %s\n", table, state == TABLE_ABSENT ? "was not there" : "removed, with all its rules");
	if (others == 0) {
		fprintf(stderr,
			"fairlead cleanup: no rules of kube-proxy are here either: Services are not reached from "
			"this node until a proxy runs\n");
		return;
	}
	other_proxy_format(&modes, others);
	printf("rules of kube-proxy (%s) are here and stay\n", modes.data);
	buf_fini(&modes);
}

static int cleanup(struct config *c, int argc, char **argv)
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
	enum table_state state = TABLE_ABSENT;
	if (nft_table_state(nft, &state) < 0)
		state = TABLE_OTHER; /* what cannot be read is removed, too */
	int failed = nft_cleanup(nft);
	if (failed != 0)
		fprintf(stderr, "fairlead cleanup: %s\n", nft_error(nft));
	else
		report(c->table, state);
	nft_close(nft);
	return failed != 0 ? EXIT_NO : EXIT_YES;
}

static const struct option options[] = {FLAG_TABLE, FLAG_CONTROL, OPTIONS_END};

const struct command cli_cleanup = {.name = "cleanup",
				    .options = options,
				    .arguments = "",
				    .arguments_min = 0,
				    .arguments_max = 0,
				    .summary = "remove every kernel object of fairlead",
				    .run = cleanup};
