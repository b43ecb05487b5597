/*
 * Talks to nf_tables by netlink: the one table of fairlead, its constant ruleset, transactions of elements, reading
 * back, and external changes. Uses libmnl and libnftnl; never the nft program. Main thread only. Functions that talk
 * to the kernel return 0 or a negative errno; nft_error tells the last failure in one line for the log.
 */
#ifndef NFT_NFT_H
#define NFT_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"
#include "nft/element.h"
#include "nft/external_changes.h"
#include "nft/ruleset_config.h"

struct nft;

/* Opens the netlink sockets. Returns NULL with *error (one static line) when that is not possible. */
struct nft *nft_open(const struct ruleset_config *config, const char **error);
void nft_close(struct nft *nft); /* rules stay; NULL is fine */
/* Other source ranges than the ruleset had: from now on nft_table_state calls a table without them TABLE_OTHER. */
void nft_set_pod_cidrs(struct nft *nft, const struct cidr *pod_cidrs, size_t count);
/* The same for networks. */
void nft_set_networks(struct nft *nft, const struct cidr *networks, size_t count);
const char *nft_error(const struct nft *nft);

/* The last failure was that the kernel refused to add this element. False: it was something else, or is not known. */
bool nft_refused(const struct nft *nft, struct element *e);

/*
 * Tries every expression that the ruleset uses, in a transaction that is never committed. 0 = all there; else
 * -errno and nft_error names the missing kernel option.
 */
int nft_probe(struct nft *nft);

/*
 * What the kernel has under our table's name. TABLE_OURS: the same ruleset, with chains and rules that the next
 * transaction makes right where they are not; TABLE_OTHER: another ruleset, other sets, hooks or elements that we never
 * write.
 */
enum table_state { TABLE_ABSENT, TABLE_OURS, TABLE_OTHER };
int nft_table_state(struct nft *nft, enum table_state *state);

/*
 * Calls `each` for every element of these sets (bits, see struct table_parts), set by set in element order, each key
 * once, but for SET_AFFINITY, which can be large. EINTR is retried. -EBADMSG: there are elements that we never write;
 * then only nft_load helps.
 */
typedef void nft_each_fn(void *ctx, const struct element *e);
int nft_dump(struct nft *nft, uint32_t sets, nft_each_fn *each, void *ctx);
/* The same of one set, whichever. */
int nft_dump_set(struct nft *nft, enum set_id set, nft_each_fn *each, void *ctx);
/*
 * Reads SET_AFFINITY, as large as clients make it, piece by piece: the kernel goes through the set from its beginning
 * for each of them, 15 ms at the end of a full one. Transactions may be made in between. A set that grows or shrinks
 * meanwhile may show an element twice, or not at all. One walk at a time; it ends with the last step, an error, or
 * nft_walk_end.
 */
int nft_walk_begin(struct nft *nft);				  /* 0 or -errno */
int nft_walk_step(struct nft *nft, nft_each_fn *each, void *ctx); /* 1: more comes; 0: that was all; -errno */
void nft_walk_end(struct nft *nft);				  /* nothing when there is none */
/*
 * The frontends of a table that is not ours: the keys of its SET_DISPATCH, where it has such a set with such keys.
 * Values are not read. What cannot be read is left out.
 */
void nft_dump_frontends(struct nft *nft, nft_each_fn *each, void *ctx);

/*
 * Reads one element by its key: value and counter are filled in, unless it fails. Not for the interval sets. -ENOENT:
 * it is not there. Costs the same at any size of the set.
 */
int nft_get(struct nft *nft, struct element *e);
/* How many elements a set has, without reading them. -EOPNOTSUPP: this kernel does not tell. */
int nft_count(struct nft *nft, enum set_id set, int family, uint32_t *count);
/* Registers the number of recorded clients (SET_AFFINITY); nft is closed after the last page. */
void nft_metrics(struct nft *nft, struct metrics *m);

/*
 * Makes the table hold exactly `elements` from nothing (TABLE_ABSENT, or TABLE_OTHER: then the old table is replaced
 * and no moment without rules is visible). No partial state is reachable by packets. `elements` may be in any order.
 */
int nft_load(struct nft *nft, const struct element *elements, size_t count);

/*
 * A transaction on the loaded table: deletions are sent before additions; nothing is sent before nft_tx_commit, and
 * nft_tx_commit of an empty transaction sends nothing. The first error sticks. Elements are copied on add/del. All
 * or nothing, up to about 8 000 elements (4 000 where the socket's buffer cannot be raised, in a user namespace): more
 * go in pieces, in an order in which every packet still finds a right answer; after an error read back.
 * A deletion from SET_AFFINITY of what has timed out meanwhile is no error; before Linux 6.3 it is one (EEXIST) when
 * the client points elsewhere by now.
 */
void nft_tx_del(struct nft *nft, const struct element *e);
void nft_tx_add(struct nft *nft, const struct element *e);
size_t nft_tx_count(const struct nft *nft); /* operations so far, with chains and rules that will be repaired */
int nft_tx_commit(struct nft *nft);	    /* empties the transaction, also on failure */

/*
 * Instead of nft_tx_commit: takes the transaction out, to be committed in parts of at most `most` elements, each in the
 * order of nft/parts.h. Other transactions may be committed between two parts, but for elements of the same keys.
 * together: source ranges that overlap and replace each other are one transaction when they are so many at most; of
 * more the old ones go first, and until the new ones are there nothing new comes from them. nft_parts_commit: 1: there
 * is more; 0: that was the last part; -errno: what was sent so far stays.
 */
struct nft_parts;
#define NFT_RANGES_TOGETHER 64u
struct nft_parts *nft_tx_take(struct nft *nft, size_t together);
int nft_parts_commit(struct nft *nft, struct nft_parts *p, size_t most);
void nft_parts_free(struct nft_parts *p); /* NULL is fine */

/* Removes the table and everything in it. 0 also when there was none. */
int nft_cleanup(struct nft *nft);

/*
 * Changes by other programs: a file descriptor to poll; nft_monitor_read drains it and notes what was done to our table
 * by others than this process. What was lost on the way (ENOBUFS) counts as a change, and so does a commit of another
 * program during a large load or transaction of ours, when we do not listen.
 */
int nft_monitor_open(struct nft *nft);
int nft_monitor_fd(const struct nft *nft);
void nft_monitor_read(struct nft *nft, struct external_changes *changes);
/*
 * After each read-back: a monitor that could not be joined again, for want of memory, is tried again. Until it can be,
 * the table counts as changed, so that it is read back ever less often.
 */
void nft_monitor_retry(struct nft *nft);

#endif
