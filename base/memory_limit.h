/*
 * What this process may take: the smallest limit of its control groups (version 2 and 1, with those above, as far as
 * they are visible) and RLIMIT_DATA; and how much of it is used. A control group also counts what the kernel keeps for
 * the process, elements of nftables among it, and kills when there is no more. Main thread.
 */
#ifndef BASE_MEMORY_LIMIT_H
#define BASE_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

enum memory_source { MEMORY_MACHINE, MEMORY_CGROUP2, MEMORY_CGROUP1, MEMORY_RLIMIT };

struct memory_limit {
	enum memory_source source;
	uint64_t limit_bytes; /* MEMORY_MACHINE, when nothing limits us: all memory there is; 0: not known */
	const char *root;
	char folder[512]; /* of the control group, root included */
};

/* `root` stands in front of /proc and of mount points: "" but for tests. Borrowed. */
void memory_limit_find(struct memory_limit *l, const char *root);
/* Without the page cache that the kernel gives up first. False: it cannot be read. */
bool memory_limit_used(const struct memory_limit *l, uint64_t *bytes);
/*
 * Where to stop growing: an eighth below the limit, at least 24 MB, which an object of the largest size needs while it
 * is read, but no less than half. Of a machine without limit half of its memory. 0: no limit is known.
 */
uint64_t memory_limit_target(const struct memory_limit *l);
/* "control group", "RLIMIT_DATA", "machine" */
const char *memory_source_text(enum memory_source source);

#endif
