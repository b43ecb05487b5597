/*
 * The command line: one table says of every flag its name, kind, default, help and place in struct config, and which
 * commands know it. Parsing, `fairlead help` and error lines all come from it. Main thread.
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "daemon/config.h"

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

enum command_bit {
	COMMAND_RUN = 1 << 0,
	COMMAND_STATUS = 1 << 1,
	COMMAND_CHECK = 1 << 2,
	COMMAND_CLEANUP = 1 << 3,
	COMMAND_VERSION = 1 << 4,
	COMMAND_HELP = 1 << 5,
	COMMAND_SERVICES = 1 << 6,
	COMMAND_ENDPOINTS = 1 << 7,
	COMMAND_RESOLVCONF = 1 << 8,
	COMMAND_CACHE = 1 << 9,
	COMMAND_QUERY = 1 << 10,
	COMMAND_ALL = 0xffff,
};

/* Adds the text to the field; NULL when fine, else why not: a static text or one in the arena. */
typedef const char *option_parse_fn(void *field, struct arena *a, const char *text);
typedef const char *option_text_fn(const char *text); /* NULL when fine, else a static text: why not */

struct option {
	const char *name; /* without dashes; one letter: one dash */
	unsigned commands;
	enum option_kind kind;
	const char *value;   /* how help calls the value; NULL for OPTION_BOOL */
	const char *initial; /* default, as text; NULL: all zero */
	size_t offset;	     /* of the field in struct config */
	const char *help;    /* may say the default when it is not a text */
	int64_t min, max;    /* OPTION_NUMBER, OPTION_BYTES; OPTION_BIND: min is the port of an address without one */
	const char *const *words; /* OPTION_CHOICE, ended by NULL */
	size_t max_bytes;	  /* OPTION_TEXT; 0: no limit */
	bool may_be_empty;	  /* OPTION_TEXT */
	bool hosts;		  /* OPTION_CIDRS: an address stands for itself */
	option_parse_fn *parse;	  /* OPTION_PARSED */
	option_text_fn *refuse;	  /* OPTION_TEXT; NULL: any text will do */
};

/* The table, ended by a NULL name. */
extern const struct option options_table[];

/*
 * Parses `argv[0…argc-1]` (what follows the command's name) into `c`, defaults first. Arguments that are no flags
 * are moved to the front of argv and counted in *rest. False: `error` is one line that names the flag.
 */
bool options_parse(struct config *c, enum command_bit command, int argc, char **argv, int *rest,
		   char error[CONFIG_ERROR_BYTES]);

/* The flags of one command, as help prints them. */
void options_help(FILE *out, enum command_bit command);

/* Stores `text` as the value of `o`. NULL when fine, else a static text: why not. */
const char *option_set(const struct option *o, struct config *c, const char *text);

/* What OPTION_TEXTs may be (options_text.c). */
option_text_fn option_not_table, option_not_label, option_not_namespace;

#endif
