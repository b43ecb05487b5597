/*
 * What a stub resolver reads in resolv.conf, and which names it tries for one that a program asks for. Five resolvers
 * differ: glibc 2.36, musl 1.2, Go 1.26 (pure), c-ares 1.34 and dig 9.18. Checked against recordings of the real ones
 * (tests/vectors/dns.json, resolver_search). Pure; everything lives in the caller's arena. Any thread.
 */
#ifndef DNS_RESOLVER_SEARCH_LIST_H
#define DNS_RESOLVER_SEARCH_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

enum resolver { RESOLVER_GLIBC, RESOLVER_MUSL, RESOLVER_GO, RESOLVER_CARES, RESOLVER_DIG };
#define RESOLVER_COUNT 5

/* "glibc", "musl", "go", "c-ares", "dig" */
const char *resolver_name(enum resolver r);

struct search_config { /* as one resolver understands a file */
	size_t server_count;
	const char *const *servers;
	size_t domain_count;
	const char *const *domains; /* without a trailing dot; "" is the root */
	unsigned ndots, attempts, timeout_s;
	const char *warning; /* the file says something that this resolver does not do; NULL: nothing */
};

/* `text` is a resolv.conf of `length` bytes; it may be hostile. */
struct search_config search_config_read(struct arena *a, enum resolver r, const char *text, size_t length);

struct search_names {
	size_t count;
	const char *const *names; /* absolute, with the trailing dot, in the order they are tried */
	size_t as_is;		  /* index of the name as it was asked; count: it is not among them */
};

#define SEARCH_NAMES_MAX 256 /* more domains than that are left out */

/* Names longer than a domain name may be are left out. */
struct search_names search_names_make(struct arena *a, enum resolver r, const struct search_config *c,
				      const char *name);

#endif
