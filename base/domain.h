/*
 * Texts that may be the name of a host or a domain: labels of letters, digits and "-", which is neither first nor last
 * (RFC 1123 2.1), with dots between. Pure; any thread.
 */
#ifndef BASE_DOMAIN_H
#define BASE_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#define DOMAIN_BYTES 253
#define DOMAIN_LABEL_BYTES 63

enum domain_signs {
	DOMAIN_LOWER = 0,	    /* letters in lower case only, as Kubernetes has them */
	DOMAIN_UPPER = 1 << 0,	    /* capitals, too */
	DOMAIN_UNDERSCORE = 1 << 1, /* "_" is like a letter: no host has it, but domains do ("_msdcs.example.com") */
};

/* signs: of enum domain_signs. The length is the caller's matter. */
bool domain_label(const char *label, size_t bytes, unsigned signs);
/* One label or more, each of at most `label_bytes`; no dot at the end; DOMAIN_BYTES at most. */
bool domain_name(const char *name, size_t label_bytes, unsigned signs);

#endif
