/*
 * The command line: a table for each command says of every flag its name, kind, default, help and where its value
 * goes. Parsing, `fairlead help` and error lines all come from it. Main thread.
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "daemon/config.h"
#include "nft/ruleset_config.h"

enum option_kind {
	OPTION_BOOL,	   /* bool; "--flag" or "--flag=true|false" */
	OPTION_TEXT,	   /* const char * */
	OPTION_NUMBER,	   /* int64_t, min…max */
	OPTION_DURATION,   /* int64_t ms; "500ms", "2s", "1m30s" */
	OPTION_BYTES,	   /* int64_t, min…max; "4096", "512K", "16M", "1G" (powers of 1024) */
	OPTION_CHOICE,	   /* int: index into words */
	OPTION_ADDRS,	   /* struct addr_list, comma separated */
	OPTION_CIDRS,	   /* struct cidr_list, comma separated */
	OPTION_BIND,	   /* struct addr_port; empty: port 0 */
	OPTION_PARSED,	   /* `parse` reads it, with every repetition */
	OPTION_ADDR_PORTS, /* struct addr_port_list, comma separated; more with every repetition */
};

/* Adds the text to the field; NULL when fine, else why not: a static text or one in the arena. */
typedef const char *option_parse_fn(void *field, struct arena *a, const char *text);
typedef const char *option_text_fn(const char *text); /* NULL when fine, else a static text: why not */

struct option {
	const char *name; /* without dashes; one letter: one dash */
	enum option_kind kind;
	const char *value;   /* how help calls the value; NULL for OPTION_BOOL */
	const char *initial; /* default, as text; NULL: all zero */
	void *at;	     /* a variable of the command; NULL: */
	size_t offset;	     /* …of the field in struct config */
	const char *help;    /* may say the default when it is not a text */
	int64_t min, max;    /* OPTION_NUMBER, OPTION_BYTES; OPTION_BIND: min is the port of an address without one */
	const char *const *words; /* OPTION_CHOICE, ended by NULL */
	size_t max_bytes;	  /* OPTION_TEXT; 0: no limit */
	bool may_be_empty;	  /* OPTION_TEXT */
	bool hosts;		  /* OPTION_CIDRS: an address stands for itself */
	bool loopback;		  /* OPTION_BIND: a port alone is on 127.0.0.1 */
	option_parse_fn *parse;	  /* OPTION_PARSED */
	option_text_fn *refuse;	  /* OPTION_TEXT; NULL: any text will do */
};

/* name, kind, field of struct config, name of the value, help, what else counts for the kind */
#define FLAG(NAME, KIND, FIELD, VALUE, HELP, ...)                                                                   \
	{                                                                                                           \
		.name = NAME, .kind = KIND, .value = VALUE, .offset = offsetof(struct config, FIELD), .help = HELP, \
		__VA_ARGS__                                                                                         \
	}
/* The same for a variable of the command that has the flag. */
#define FLAG_AT(NAME, KIND, VARIABLE, VALUE, HELP, ...)                                                  \
	{                                                                                                \
		.name = NAME, .kind = KIND, .value = VALUE, .at = &(VARIABLE), .help = HELP, __VA_ARGS__ \
	}
#define OPTIONS_END          \
	{                    \
		.name = NULL \
	} /* of every table */

/* Flags of several commands. */
#define CONTROL_PATH_BYTES_MAX 100 /* sun_path is 108 bytes */
#define FLAG_CONTROL                                                                         \
	FLAG("control", OPTION_TEXT, control, "PATH", "socket of status and other commands", \
	     .initial = "/run/fairlead/control.sock", .max_bytes = CONTROL_PATH_BYTES_MAX)
#define FLAG_TABLE                                                                                      \
	FLAG("table", OPTION_TEXT, table, "NAME", "nftables table, family inet", .initial = "fairlead", \
	     .max_bytes = NFT_TABLE_BYTES_MAX, .refuse = option_not_table)
/* What Services in manifests are given; config_finish_allocation completes them. */
#define FLAGS_ALLOCATION                                                                                        \
	FLAG("service-cidr", OPTION_CIDRS, service_cidrs, "CIDR[,CIDR]",                                        \
	     "unallocated addresses in it are dropped; with --manifests ClusterIPs come from it (default from " \
	     "ServiceCIDR objects; with --manifests 10.96.0.0/16,fd00:10:96::/112 where there is none)"),       \
		FLAG("service-node-port-range", OPTION_TEXT, node_port_range, "A-B",                            \
		     "with --manifests: node ports are allocated from it (default 30000-32767)"),               \
		FLAG("lb-pool", OPTION_CIDRS, lb_pool, "CIDR[,CIDR]",                                           \
		     "with --manifests: addresses for Services of type LoadBalancer (default none)", .hosts = true)
#define FLAG_EXEC_PROBES                                                \
	FLAG("allow-exec-probes", OPTION_BOOL, allow_exec_probes, NULL, \
	     "with --manifests: exec probes run their commands, as the user nobody (docs/manifests.md)")
#define FLAG_OUTPUT(VARIABLE)                                                              \
	FLAG_AT("o", OPTION_CHOICE, VARIABLE, "FORMAT", "text or json", .initial = "text", \
		.words = options_output_words)
extern const char *const options_output_words[]; /* by enum output */

extern const struct option options_run[];
extern const struct option options_common[]; /* of commands without flags of their own */

/*
 * Parses `argv[0…argc-1]` (what follows the command's name) into `c`, defaults first. Arguments that are no flags
 * are moved to the front of argv and counted in *rest. False: `error` is one line that names the flag.
 */
bool options_parse(struct config *c, const struct option *table, int argc, char **argv, int *rest,
		   char error[ERROR_BYTES]);

const char *option_dashes(const struct option *o); /* "-" or "--" */

/* The flags of a table, as help prints them. */
void options_help(FILE *out, const struct option *table);

/* Stores `text` as the value of `o`. NULL when fine, else a static text: why not. */
const char *option_set(const struct option *o, struct config *c, const char *text);

/* What OPTION_TEXTs may be (options_text.c). */
option_text_fn option_not_table, option_not_label, option_not_namespace, option_not_domain, option_not_suffix,
	option_not_node, option_not_interface, option_not_interface_prefix;

#endif
