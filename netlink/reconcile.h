/*
 * What is there, made what is wanted: the differences of two sorted lists. Decides only; the kernel is the caller's.
 * Any thread.
 */
#ifndef NETLINK_RECONCILE_H
#define NETLINK_RECONCILE_H

#include <stddef.h>

typedef int reconcile_compare_fn(const void *a, const void *b); /* as for qsort */
typedef int reconcile_act_fn(void *ctx, const void *item);	/* 0 or -errno */

/* Both lists have items of that size. They are sorted here. */
struct reconcile {
	size_t item_bytes;
	reconcile_compare_fn *compare;
	void *wanted, *present; /* NULL only with a count of 0 */
	size_t wanted_count, present_count;
	reconcile_act_fn *remove, *add;
	void *ctx;
};

/*
 * First removes each item that is not wanted, then adds each one that is not present: an item that is wanted otherwise
 * is out of the way by then. A list may name an item twice. removed: how many went; may be NULL. 0 or -errno of the
 * first that failed; the others are tried.
 */
int reconcile(const struct reconcile *r, size_t *removed);

#endif
