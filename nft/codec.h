/*
 * Elements to and from netlink attributes. Pure: works on memory only. A prefix in a set of one field is two kernel
 * elements, its first address and the one after its last, flagged "interval end"; the decoder hands out both halves
 * and dump.c joins them. Main thread.
 */
#ifndef NFT_CODEC_H
#define NFT_CODEC_H

#include <stdbool.h>

#include "netlink/attrs.h"
#include "nft/element.h"

#define CODEC_ELEMENT_MAX_BYTES 384 /* room that one element needs at most */

/* Appends one element (both halves of a prefix) to the message. with_value: for additions. */
void codec_put(struct nlmsghdr *nlh, const struct element *e, bool with_value, bool with_counter);

/* The elements that a message about elements lists, each to be read by codec_get. */
struct attrs codec_elements(const struct nlmsghdr *nlh);
/*
 * Reads one NFTA_LIST_ELEM of that set. False: not an element that we could have written. *interval_end: e->range is
 * the second half of a prefix.
 */
bool codec_get(const struct nlattr *attr, enum set_id set, int family, struct element *e, bool *interval_end);
/* Reads only the key of one that has no range, whatever its value is. */
bool codec_get_key(const struct nlattr *attr, enum set_id set, int family, struct element *e);

/* Joins the halves of a prefix: e->range.addr is its first address, `end` the one after its last (NULL: there is none).
 * False: that range is no prefix. */
bool codec_join(struct element *e, const struct addr *end);

#endif
