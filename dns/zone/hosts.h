/*
 * Reads a hosts file (hosts(5)): an address and its names on a line, # starts a comment. The first name of an address
 * is its reverse name. What cannot be used is left out and counted by kind. Pure; any thread.
 */
#ifndef DNS_ZONE_HOSTS_H
#define DNS_ZONE_HOSTS_H

#include "dns/zone/static_names.h"

#define HOSTS_BYTES_MAX ((size_t)16 << 20) /* of a file */
#define HOSTS_NAMES_MAX 262144		   /* pairs of name and address: a large block list has 200 000 */
#define HOSTS_LINES_NAMED 8		   /* of a kind of problem */
#define HOSTS_WORD_BYTES 64		   /* of the text that is shown, escaped, with its NUL */

enum hosts_problem_kind {
	HOSTS_NOT_ADDRESS, /* the whole line is left out */
	HOSTS_NO_NAME,
	HOSTS_NOT_NAME,
	HOSTS_LOOPBACK, /* other machines cannot use it; every /etc/hosts has such lines */
	HOSTS_CLUSTER,	/* in the cluster domain, which Services alone fill */
	HOSTS_PROBLEMS
};

struct hosts_problem {
	size_t count;
	size_t lines[HOSTS_LINES_NAMED]; /* the first ones, from 1 */
	char word[HOSTS_WORD_BYTES];	 /* of the first one */
};

struct hosts_report {
	struct hosts_problem problems[HOSTS_PROBLEMS];
	const char *refused; /* why the file as a whole is not used; static */
};

/*
 * domain: the cluster's. NULL with report->refused: more than HOSTS_NAMES_MAX, or bad lines only (it is another kind of
 * file). A file without any line is good.
 */
struct static_names *hosts_parse(const char *text, size_t bytes, const struct name *domain,
				 struct hosts_report *report);

/* "line 3: \"x\" is not an address; …" into `to`. False: there is no problem of that kind. */
bool hosts_problem_format(const struct hosts_report *report, enum hosts_problem_kind kind, char *to, size_t room);

#endif
