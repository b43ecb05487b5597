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
	const struct option *options;
	const char *arguments; /* "" when it takes none */
	int arguments_min, arguments_max;
	const char *summary;
	int (*run)(struct config *c, int argc, char **argv);
};

extern const struct command *const cli_commands[]; /* ended by NULL */
const struct command *cli_find(const char *name);
/* "; did you mean services?", or "" when no command is near. Static until the next call. */
const char *cli_suggestion(const char *name);

/*
 * Sends one request line to the daemon and collects what it prints. EXIT_NO_DAEMON: no daemon answers at `path`, and
 * the body is one line that says so.
 */
int cli_ask(const char *path, const char *request, struct buf *body);

/*
 * The pod's resolv.conf as the flags of resolvconf describe it; a running daemon fills in what they leave open. False:
 * a line on stderr says why. `command` stands before such lines.
 */
bool cli_pod_file(struct config *c, const char *command, const char *ns, struct buf *out);

/* Every command, as help lists them; cli_NAME in its own file. Nothing else names them. */
/* clang-format off */
#define CLI_COMMANDS(X) \
	X(run) X(status) X(services) X(endpoints) X(check) X(resolvconf) X(query) X(explain) X(cleanup) X(cache) \
	X(completion) X(version) X(help)
/* clang-format on */
#define CLI_DECLARE(NAME) extern const struct command cli_##NAME;
CLI_COMMANDS(CLI_DECLARE)

/* Flags of the two commands that make a pod's resolv.conf. */
#define FLAGS_POD_FILE                                                                                             \
	FLAG("cluster-domain", OPTION_TEXT, cluster_domain, "NAME",                                                \
	     "domain of cluster names (default the daemon's, else cluster.local)", .refuse = option_not_domain),   \
		FLAG("node-resolv-conf", OPTION_TEXT, node_resolv_conf, "FILE",                                    \
		     "kubelet's --resolv-conf; empty: none", .initial = "/etc/resolv.conf", .may_be_empty = true), \
		FLAG("cluster-dns", OPTION_ADDRS, cluster_dns, "IP[,IP]",                                          \
		     "kubelet's clusterDNS (default the ClusterIPs of kube-system/kube-dns, from the daemon)")

#endif
