/*
 * Private to nft/: a conversation with nf_tables: the socket, the batch being built, and what the kernel said last.
 * Knows no table's content; each table has a session of its own. A batch is processed by the kernel before sendto
 * returns, so its errors are waiting in the socket by then and no acknowledgement need be asked for. Main thread.
 * Functions return 0 or a negative errno; session.error then has the line for the log.
 */
#ifndef NFT_SESSION_H
#define NFT_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "nft/batch.h"
#include "nft/element.h"

#define SESSION_ERROR_BYTES 512

struct session {	   /* zero: closed */
	const char *table; /* for error lines; borrowed */
	struct mnl_socket *socket;
	uint32_t seq;
	size_t send_max_bytes; /* the longest batch that the socket takes */
	struct batch batch;
	uint32_t commits; /* that the kernel took */
	char error[SESSION_ERROR_BYTES];
	uint32_t error_seq,
		error_offset; /* message of the batch that the kernel refused, and where in it (0: unknown) */
	bool refused_known;   /* …and that was the addition of: */
	struct element refused;
};

/* *error: one static line when it fails. */
int session_open(struct session *s, const char *table, const char **error);
void session_close(struct session *s); /* what is in the kernel stays, but for a table with an owner */

/* Keeps the line; returns -errno_value. */
int session_fail(struct session *s, int errno_value, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void session_begin(struct session *s); /* starts s->batch */
int session_commit(struct session *s); /* ends and sends s->batch; 0 or -errno of its first error */
int session_try(struct session *s);    /* the same, but the kernel only checks it and keeps nothing */
/*
 * Takes its turn at the kernel's lock: an empty transaction, which does not count and, unlike session_try, waits for no
 * grace period (10 to 20 ms). What others committed before it has been told to the monitor.
 */
int session_pass(struct session *s);
/* For what need not be one transaction: commits what there is when it is enough, or the last, and begins anew. */
int session_piece(struct session *s, bool last);

/* One list of the table's things, see netlink_list. -ENOENT: no such table or set. */
struct session_dump {
	uint16_t type; /* NFT_MSG_GET… */
	const char *table, *set;
	mnl_cb_t each;
	void (*restart)(void *ctx); /* may be NULL */
	void *ctx;
	/* This list changes only with our table, and the monitor reports that. */
	bool only_of_table;
	bool all_families; /* not only inet */
};
int session_dump(struct session *s, const struct session_dump *dump);

#endif
