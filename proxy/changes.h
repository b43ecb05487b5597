/*
 * What one turn changes, whatever number of services it touches: del of what was, add of what is, and nothing for a
 * key that ends as it began (a service deleted and made again, an address that passed from one service to another
 * and back). So every key is in the transaction at most once each way.
 * Main thread.
 */
#ifndef PROXY_CHANGES_H
#define PROXY_CHANGES_H

#include "proxy/elements.h"

struct changes;

struct changes *changes_new(void);
void changes_free(struct changes *c); /* NULL is fine */
/* prev gives way to next (either NULL): updates the owners and collects the difference, also that of services which
 * win or lose a key by it. prev is not needed afterwards. */
void changes_service(struct changes *c, struct owners *owners, const struct service *prev, const struct service *next);
/*
 * The same in pieces: changes_begin updates the owners, and each changes_some collects the difference of keys with
 * about `most` elements, before and after. False: that was all. What is collected may be flushed in between. Neither
 * version, nor another service that claims one of their keys, may change meanwhile.
 */
void changes_begin(struct changes *c, struct owners *owners, const struct service *prev, const struct service *next);
bool changes_some(struct changes *c, size_t most);
/* Elements that belong to no service: service CIDRs. */
void changes_del(struct changes *c, const struct element *e);
void changes_add(struct changes *c, const struct element *e);
size_t changes_count(const struct changes *c); /* so far, not netted yet */
/* Hands out the net operations, all dels first, and forgets them. Returns their number. */
size_t changes_flush(struct changes *c, const struct element_ops *ops);

#endif
