/* Sends zone transfers, each in a thread of its own. */
#include "dns/server/transfer_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/call_list.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "dns/zone/rcu.h"
#include "dns/server/transfer_stream.h"

#define PIECE_BYTES (64 * 1024)

struct transfer_job {
	const struct respond_config *config;
	struct transfer transfer;
	struct sockaddr_storage from;
	struct buf out;
	int fd;
	unsigned send_limit_ms, bytes_per_s;
	pthread_t thread;
	_Atomic bool stop, done;
};

static const struct thread_kind kind = {.name = "dns-transfer", .calls = CALLS_BASIC CALLS_SOCKETS "fcntl"};

/*
 * A client may be slow, but not as slow as it likes: each send has a limit, and so has the whole, by its size.
 */
static void send_all(const struct transfer_job *j)
{
	struct timeval limit = {.tv_sec = j->send_limit_ms / 1000, .tv_usec = j->send_limit_ms % 1000 * 1000};
	uint64_t end_ms = clock_ms() + j->send_limit_ms + j->out.length_bytes * 1000 / j->bytes_per_s;
	size_t at = 0;

	fcntl(j->fd, F_SETFL, fcntl(j->fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(j->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	while (at < j->out.length_bytes) {
		size_t rest = j->out.length_bytes - at;
		ssize_t sent = send(j->fd, j->out.data + at, rest < PIECE_BYTES ? rest : PIECE_BYTES, MSG_NOSIGNAL);
		if ((sent < 0 && errno != EINTR) || clock_ms() > end_ms) {
			shutdown(j->fd, SHUT_RDWR); /* the descriptor stays until the place is needed */
			return;
		}
		at += sent > 0 ? (size_t)sent : 0;
	}
	/* A client may ask one more thing, or close; either ends it. */
	shutdown(j->fd, SHUT_WR);
}

static void *transfer_run(void *arg)
{
	struct transfer_job *j = arg;

	rcu_register_thread();
	bool whole = transfer_build(j->config, &j->transfer, (struct sockaddr *)&j->from, &j->out);
	rcu_unregister_thread();
	if (whole)
		send_all(j);
	else if (!atomic_load(&j->stop))
		log_warn("dns: zone transfer refused: the zone takes more than %u MiB", TRANSFER_BYTES_MAX >> 20);
	if (!whole)
		shutdown(j->fd, SHUT_RDWR);
	buf_fini(&j->out); /* the place may not be needed for long */
	atomic_store(&j->done, true);
	return NULL;
}

static void job_free(struct transfer_job *j)
{
	pthread_join(j->thread, NULL);
	close(j->fd);
	buf_fini(&j->out);
	free(j);
}

static struct transfer_job **free_place(struct transfer_threads *t)
{
	for (size_t i = 0; i < TRANSFER_THREADS; i++) {
		if (t->jobs[i] != NULL && atomic_load(&t->jobs[i]->done)) {
			job_free(t->jobs[i]);
			t->jobs[i] = NULL;
		}
		if (t->jobs[i] == NULL)
			return &t->jobs[i];
	}
	return NULL;
}

bool transfer_threads_take(struct transfer_threads *t, const struct respond_config *config, const struct packet *in,
			   int fd, struct buf *unsent)
{
	if (config->transfer_count == 0)
		return false;
	struct transfer_job *j = mem_alloc(sizeof *j), **place = NULL;
	if (transfer_wanted(config, in, &j->transfer))
		place = free_place(t);
	if (place == NULL) {
		free(j);
		return false;
	}
	j->config = config;
	j->fd = fd;
	j->send_limit_ms = t->send_limit_ms != 0 ? t->send_limit_ms : 1000 * TRANSFER_SEND_LIMIT_S;
	j->bytes_per_s = t->bytes_per_s != 0 ? t->bytes_per_s : TRANSFER_BYTES_PER_S;
	memcpy(&j->from, in->from,
	       in->from->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
	j->transfer.stop = &j->stop;
	j->out = *unsent;
	if (thread_start(&j->thread, &kind, transfer_run, j) != 0) {
		log_warn("dns: zone transfer refused: cannot start a thread");
		free(j);
		return false;
	}
	*unsent = (struct buf){0};
	*place = j;
	return true;
}

void transfer_threads_stop(struct transfer_threads *t)
{
	for (size_t i = 0; i < TRANSFER_THREADS; i++) {
		if (t->jobs[i] == NULL)
			continue;
		atomic_store(&t->jobs[i]->stop, true);
		shutdown(t->jobs[i]->fd, SHUT_RDWR);
		job_free(t->jobs[i]);
		t->jobs[i] = NULL;
	}
}
