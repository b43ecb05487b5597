/*
 * Names as an API server takes them, and the one place that says whether an object's identity is one. Whatever the
 * source: keys, DNS names, file names and log lines are made of these. Pure; any thread.
 */
#ifndef WATCH_IDENTITY_H
#define WATCH_IDENTITY_H

#include <stdbool.h>

#include "watch/object.h"

/* RFC 1123 label of at most 63 bytes; dot-separated labels of 253 bytes at most; IANA service name (RFC 6335 5.1). */
bool name_is_label(const char *s);
bool name_is_subdomain(const char *s);
bool name_is_service(const char *s);
/* The name of an object: as a subdomain, but Kubernetes bounds the whole only, so a label may be longer than DNS has.
 */
bool name_is_object(const char *s);
/* A label's or annotation's key: "app", "example.com/app". As annotation its case does not matter. */
bool name_is_label_key(const char *s, bool annotation);
bool name_is_label_value(const char *s);
/* A file of /run/netns: letters, digits, ".", "_", "-", not a dot first, at most PROBE_NETNS_MAX_BYTES. */
bool name_is_netns(const char *s);

/*
 * NULL: the API server could have accepted namespace and name, and what a slice says of its Service, hosts and pods.
 * Else a static text: which of them is wrong and how.
 */
const char *identity_wrong(const struct object *o);

#endif
