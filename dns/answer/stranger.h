/*
 * What strangers get over UDP: their source address may be forged, so the reply may go to a victim. A reply is at most
 * one and a half times as large as its query, and so many replies a second go to one network (response rate limiting).
 * A client that shows our cookie (RFC 7873), or asks over TCP, has shown its address and is exempt.
 *
 * One table per worker, used by its thread only: bounded, with a seeded hash. Networks that share a place share its
 * limit, so no number of forged sources makes room for more.
 */
#ifndef DNS_ANSWER_STRANGER_H
#define DNS_ANSWER_STRANGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define STRANGER_BYTES_MAX 512 /* of a reply, also to a long query */
#define STRANGER_PREFIX4 24    /* bits of a network */
#define STRANGER_PREFIX6 56
#define STRANGER_NETWORKS 4096	  /* places in the table */
#define STRANGER_ANSWERS_PER_S 50 /* to a network, from one worker; as many at once */
#define STRANGER_ERRORS_PER_S 5
#define STRANGER_SLIP \
	2 /* every so manieth reply above the limit is an empty one with TC, so that a real client turns to TCP */

enum stranger_kind { STRANGER_ANSWER, STRANGER_ERROR, STRANGER_KINDS };
enum stranger_action { STRANGER_SEND, STRANGER_TRUNCATE, STRANGER_DROP };

struct strangers;

struct strangers *strangers_new(void);
void strangers_free(struct strangers *s); /* NULL is fine */

/* What becomes of one more reply to `from`, a sockaddr_in or sockaddr_in6; counts it. now_ns: monotonic. */
enum stranger_action strangers_reply(struct strangers *s, const struct sockaddr *from, enum stranger_kind kind,
				     uint64_t now_ns);

/* The largest reply to a query of so many bytes. */
static inline size_t stranger_room(size_t query_bytes)
{
	size_t room = query_bytes + query_bytes / 2;

	return room < STRANGER_BYTES_MAX ? room : STRANGER_BYTES_MAX;
}

#endif
