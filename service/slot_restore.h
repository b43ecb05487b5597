/*
 * What the kernel's slots hold at start, read back before the first compilation: a service compiled without a previous
 * version then gets the slots that it already has, and a restart sends no difference. Filled with every dumped
 * element, asked by service_compile, freed after the first full compilation. Main thread.
 */
#ifndef SERVICE_SLOT_RESTORE_H
#define SERVICE_SLOT_RESTORE_H

#include "nft/element.h"
#include "service/pool.h"

struct slot_restore;

struct slot_restore *slot_restore_new(void);
void slot_restore_free(struct slot_restore *m); /* NULL is fine */
/* Takes what it needs of SET_ENDPOINTS and of the verdict maps; other elements are ignored. */
void slot_restore_add(struct slot_restore *m, const struct element *e);
/* Slots of a frontend, of its second pool when `internal`; borrowed. Zero when the kernel had none. */
struct pool_previous slot_restore_previous(const struct slot_restore *m, const struct frontend_key *key, bool internal);

#endif
