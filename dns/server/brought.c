/* The queue between the forwarder's thread and the TCP thread. */
#include "dns/server/brought.h"

void brought_add(void *ctx, struct forward_request *r)
{
	struct brought *b = ctx;

	pthread_mutex_lock(&b->lock);
	STAILQ_INSERT_TAIL(&b->list, r, link);
	pthread_mutex_unlock(&b->lock);
	ev_async_send(b->loop, &b->wake);
}

static void take_all(struct brought *b)
{
	struct forward_requests all = STAILQ_HEAD_INITIALIZER(all);
	struct forward_request *r;

	pthread_mutex_lock(&b->lock);
	STAILQ_CONCAT(&all, &b->list);
	pthread_mutex_unlock(&b->lock);
	while ((r = STAILQ_FIRST(&all)) != NULL) {
		STAILQ_REMOVE_HEAD(&all, link);
		b->take(r);
		forward_request_free(r);
	}
}

static void on_wake(struct ev_loop *loop, ev_async *w, int events)
{
	(void)loop, (void)events;
	take_all(w->data);
}

void brought_start(struct brought *b, struct ev_loop *loop, void (*take)(struct forward_request *r))
{
	pthread_mutex_init(&b->lock, NULL);
	STAILQ_INIT(&b->list);
	b->loop = loop;
	b->take = take;
	ev_async_init(&b->wake, on_wake);
	b->wake.data = b;
	ev_async_start(loop, &b->wake);
}

void brought_stop(struct brought *b)
{
	take_all(b);
	ev_async_stop(b->loop, &b->wake);
	pthread_mutex_destroy(&b->lock);
}

void brought_message(struct buf *out, const uint8_t *message, size_t length)
{
	uint8_t prefix[2];

	wire_put16(prefix, (unsigned)length);
	buf_add(out, prefix, sizeof prefix);
	buf_add(out, message, length);
}
