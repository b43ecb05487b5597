/* `fairlead cleanup`: removes the table, local routes and announced addresses from the kernel. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "netlink/local_routes.h"
#include "netlink/other_proxy.h"
#include "nft/nft.h"
#include "cli/cli.h"
#include "daemon/announce.h"
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

/* The table of steering went with its process; its routes did not. */
static bool routes_remove(void)
{
	struct local_routes *routes = local_routes_open(LOCAL_ROUTES_STEERED);
	size_t removed = 0;
	int error = routes == NULL ? -errno : local_routes_set(routes, NULL, 0, &removed);

	local_routes_close(routes);
	if (removed > 0)
		printf("%zu local route%s: removed\n", removed, removed == 1 ? "" : "s");
	if (error != 0)
		fprintf(stderr, "fairlead cleanup: local routes: %s\n", strerror(-error));
	return error == 0;
}

static bool announced_remove(void)
{
	size_t removed = 0;
	int error = announce_remove_all(&removed);

	if (removed > 0)
		printf("%zu announced address%s: removed\n", removed, removed == 1 ? "" : "es");
	if (error != 0)
		fprintf(stderr, "fairlead cleanup: announced addresses: %s\n", strerror(-error));
	return error == 0;
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
	const bool routes_gone = routes_remove(), announced_gone = announced_remove();
	return routes_gone && announced_gone && failed == 0 ? EXIT_YES : EXIT_NO;
}

static const struct option options[] = {FLAG_TABLE, FLAG_CONTROL, OPTIONS_END};

const struct command cli_cleanup = {.name = "cleanup",
				    .options = options,
				    .arguments = "",
				    .arguments_min = 0,
				    .arguments_max = 0,
				    .summary = "remove every kernel object of fairlead",
				    .run = cleanup};
