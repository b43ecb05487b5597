/* Marked sockets for threads that may not mark them. */
#include "base/outgoing.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/call_list.h"
#include "base/capabilities.h"
#include "base/log.h"
#include "base/own_mark.h"
#include "base/thread.h"

/* Sockets of one kind that wait for a taker. */
struct shelf {
	int family, type;
	bool wanted; /* such are taken */
	int error;   /* why the last one could not be made, until a taker has heard it; 0: none */
	unsigned count;
	int fds[OUTGOING_READY];
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, made; /* for the maker, for takers */
	struct shelf shelves[4];
	pthread_t thread;
	bool running, stop;
} maker = {.lock = PTHREAD_MUTEX_INITIALIZER,
	   .work = PTHREAD_COND_INITIALIZER,
	   .made = PTHREAD_COND_INITIALIZER,
	   .shelves = {{.family = AF_INET, .type = SOCK_DGRAM},
		       {.family = AF_INET, .type = SOCK_STREAM},
		       {.family = AF_INET6, .type = SOCK_DGRAM},
		       {.family = AF_INET6, .type = SOCK_STREAM}}};

#define SHELVES (sizeof maker.shelves / sizeof *maker.shelves)

void outgoing_mark(int fd)
{
	const unsigned mark = SOCK_OWN_MARK;

	(void)setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
}

static int make(int family, int type)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		outgoing_mark(fd);
	return fd;
}

/* ---- the thread ---- */

/* One that is to be filled up, NULL: none. After an error, not before a taker has heard it. */
static struct shelf *shelf_due(void)
{
	for (size_t i = 0; i < SHELVES; i++) {
		struct shelf *s = &maker.shelves[i];
		if (s->wanted && s->count < OUTGOING_READY && s->error == 0)
			return s;
	}
	return NULL;
}

static void *run(void *arg)
{
	pthread_mutex_lock(&maker.lock);
	while (!maker.stop) {
		struct shelf *s = shelf_due();
		if (s == NULL) {
			pthread_cond_wait(&maker.work, &maker.lock);
			continue;
		}
		pthread_mutex_unlock(&maker.lock);
		int fd = make(s->family, s->type), error = errno;
		pthread_mutex_lock(&maker.lock);
		if (fd >= 0)
			s->fds[s->count++] = fd;
		else
			s->error = error;
		pthread_cond_broadcast(&maker.made);
	}
	pthread_mutex_unlock(&maker.lock);
	return arg;
}

void outgoing_start(void)
{
	static const struct thread_kind kind = {.name = "sockets",
						.calls = CALLS_BASIC "socket:inet setsockopt",
						.capabilities = CAPABILITIES_NET_ADMIN};
	int error = thread_start(&maker.thread, &kind, run, NULL);

	if (error != 0)
		fatalx("outgoing sockets: no thread: %s", strerror(error));
	maker.running = true;
}

void outgoing_stop(void)
{
	if (!maker.running)
		return;
	pthread_mutex_lock(&maker.lock);
	maker.stop = true;
	pthread_cond_signal(&maker.work);
	pthread_mutex_unlock(&maker.lock);
	pthread_join(maker.thread, NULL);
	maker.running = maker.stop = false;
	for (size_t i = 0; i < SHELVES; i++) {
		while (maker.shelves[i].count != 0)
			close(maker.shelves[i].fds[--maker.shelves[i].count]);
		maker.shelves[i].wanted = false;
		maker.shelves[i].error = 0;
	}
}

/* ---- takers ---- */

static struct shelf *shelf_find(int family, int type)
{
	for (size_t i = 0; i < SHELVES; i++)
		if (maker.shelves[i].family == family && maker.shelves[i].type == type)
			return &maker.shelves[i];
	return NULL;
}

static int take(struct shelf *s)
{
	int fd = -1, error = 0;

	pthread_mutex_lock(&maker.lock);
	s->wanted = true;
	while (s->count == 0 && s->error == 0) {
		pthread_cond_signal(&maker.work);
		pthread_cond_wait(&maker.made, &maker.lock);
	}
	if (s->count != 0)
		fd = s->fds[--s->count];
	else
		error = s->error;
	s->error = 0; /* the next attempt may succeed */
	if (s->count < OUTGOING_READY / 2)
		pthread_cond_signal(&maker.work);
	pthread_mutex_unlock(&maker.lock);
	errno = error;
	return fd;
}

int outgoing_socket(int family, int type)
{
	struct shelf *s = shelf_find(family, type);

	if (!maker.running || s == NULL)
		return make(family, type);
	return take(s);
}
