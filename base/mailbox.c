/* Hands mail to the thread of a libev loop. */
#include "base/mailbox.h"

#include <stdbool.h>
#include <stddef.h>

/* Handles the first piece. False: there is none. */
static bool handle_next(struct mailbox *box)
{
	pthread_mutex_lock(&box->lock);
	struct mail *m = STAILQ_FIRST(&box->waiting);
	if (m != NULL)
		STAILQ_REMOVE_HEAD(&box->waiting, link);
	pthread_mutex_unlock(&box->lock);
	if (m != NULL)
		m->handle(m->about);
	return m != NULL;
}

static void on_wake(struct ev_loop *loop, ev_async *w, int events)
{
	(void)events;
	if (handle_next(w->data))
		ev_async_send(loop, w); /* for the next one */
}

void mailbox_init(struct mailbox *box, struct ev_loop *loop)
{
	box->loop = loop;
	STAILQ_INIT(&box->waiting);
	pthread_mutex_init(&box->lock, NULL);
	ev_async_init(&box->wake, on_wake);
	box->wake.data = box;
	ev_async_start(loop, &box->wake);
}

void mailbox_fini(struct mailbox *box)
{
	ev_async_stop(box->loop, &box->wake);
	pthread_mutex_destroy(&box->lock);
}

void mailbox_put(struct mailbox *box, struct mail *m, mail_fn *handle, void *about)
{
	m->handle = handle;
	m->about = about;
	pthread_mutex_lock(&box->lock);
	STAILQ_INSERT_TAIL(&box->waiting, m, link);
	pthread_mutex_unlock(&box->lock);
	ev_async_send(box->loop, &box->wake);
}

void mailbox_drain(struct mailbox *box)
{
	while (handle_next(box)) {
	}
}
