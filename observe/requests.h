/*
 * The thread that reads what clients send: HTTP (health, metrics, health check node ports) and the control socket. It
 * accepts, parses, limits and writes, and has no capability. What only the main thread knows goes there as a parsed
 * request and comes back as an answer, both as mail (base/mailbox.h). So a client cannot reach the thread that has
 * rights, and a page that the thread itself can answer does not wait for the main thread.
 *
 * The main thread binds sockets: ports below 1024 need a capability.
 */
#ifndef OBSERVE_REQUESTS_H
#define OBSERVE_REQUESTS_H

#include "base/mailbox.h"

struct requests;

/* The thread does not run yet: its loop may be used by the main thread. `main` is borrowed. Main thread, as the rest.
 */
struct requests *requests_new(struct ev_loop *main);
void requests_start(struct requests *r);
/*
 * Ends the thread and handles the mail that is left. From now on mail is handled where it is sent, in the main
 * thread: what both threads shared is the main thread's alone.
 */
void requests_stop(struct requests *r);
void requests_free(struct requests *r); /* after requests_stop; NULL is fine */

struct ev_loop *requests_loop(const struct requests *r); /* the thread's; borrowed */
/* As mailbox_put: from the main thread to this one, and back. Any of both. */
void requests_tell(struct requests *r, struct mail *m, mail_fn *handle, void *about);
void requests_ask(struct requests *r, struct mail *m, mail_fn *handle, void *about);

#endif
