/*
 * A resolv.conf as kubelet reads, limits and writes it (pkg/kubelet/network/dns of Kubernetes; its own unit tests are
 * ours, too). Texts and lists live in the caller's arena, or are borrowed where a function says so. Pure; any thread.
 */
#ifndef DNS_RESOLVER_RESOLV_CONF_H
#define DNS_RESOLVER_RESOLV_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/mem.h"

#define RESOLV_NAMESERVERS_MAX 3
#define RESOLV_SEARCHES_MAX 32
#define RESOLV_SEARCH_CHARACTERS_MAX 2048
#define RESOLV_SEARCH_BYTES_MAX 253 /* of one domain; glibc 2.28 aborts on a longer one */
#define RESOLV_FILE_BYTES_MAX (10 << 20)

struct text_list {
	size_t count;
	const char **items;
};

struct resolv_conf {
	struct text_list nameservers, searches;
	struct text_list options; /* "name" or "name:value", each name once */
};

/* Adds a text, borrowed. */
void text_list_add(struct arena *a, struct text_list *list, const char *text);
/* Adds those that are not there yet, borrowed. */
void text_list_merge(struct arena *a, struct text_list *list, const struct text_list *more);
/* Options: one with the same name is replaced. */
void resolv_options_merge(struct arena *a, struct text_list *list, const struct text_list *more);

/* False: *error names the line; a static text or one in the arena. */
bool resolv_conf_parse(struct arena *a, const char *text, size_t length, struct resolv_conf *out, const char **error);

/* Cuts what is over kubelet's limits. Each limit that was passed is a line in `warnings`, worded as kubelet's event. */
void resolv_conf_limit(struct resolv_conf *c, struct buf *warnings);

/* As a container runtime writes it: search, nameserver lines, options. */
void resolv_conf_format(const struct resolv_conf *c, struct buf *out);

#endif
