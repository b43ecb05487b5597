/*
 * Mail to a thread that runs a libev loop. A piece of mail is part of what it is about (a port, a client), so there is
 * no more of it than of those, and none is lost. It is handled in the order in which it was put, one piece in each turn
 * of the loop: the loop's other work goes on in between.
 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <ev.h>
#include <pthread.h>
#include <sys/queue.h>

typedef void mail_fn(void *about); /* on the loop's thread; may put the mail again, or free it */

struct mail {
	mail_fn *handle;
	void *about;
	STAILQ_ENTRY(mail) link;
};

struct mailbox {
	struct ev_loop *loop;
	ev_async wake;
	pthread_mutex_t lock; /* of waiting */
	STAILQ_HEAD(, mail) waiting;
};

/* The loop does not run yet, or this is its thread. It is borrowed. */
void mailbox_init(struct mailbox *box, struct ev_loop *loop);
void mailbox_fini(struct mailbox *box); /* on the loop's thread, or after its end; what waits stays its owners' */
/* The mail is the mailbox's until handle(about) is called. Any thread; waits for nothing. */
void mailbox_put(struct mailbox *box, struct mail *m, mail_fn *handle, void *about);
/* Handles what is there, at once. On the loop's thread, or after its end. */
void mailbox_drain(struct mailbox *box);

#endif
