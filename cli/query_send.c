/* Questions on their way, each with a socket of its own. */
#include "cli/query_send.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/sock.h"

#define MESSAGE_BYTES_MAX 65535
#define TRIES_MAX 32
#define NS_OF_MS 1000000

bool query_is_settled(enum outcome o)
{
	return o != OUTCOME_NONE && (o < OUTCOME_SERVFAIL || o == OUTCOME_TRUNCATED);
}

static void end(struct query_try *t, enum outcome outcome, const char *what)
{
	t->took_ns = clock_ns() - t->sent_ns;
	t->outcome = outcome;
	if (what != NULL)
		buf_printf(&t->text, "%s\n", what);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

/* Waits until the descriptor is ready; 0: the time is over. */
static bool ready(int fd, short events, uint64_t end_ns)
{
	struct pollfd p = {.fd = fd, .events = events};
	uint64_t now = clock_ns();

	return now < end_ns && poll(&p, 1, (int)((end_ns - now) / NS_OF_MS) + 1) > 0;
}

static void query_try_start(struct query_try *t, unsigned udp_bytes, uint64_t end_ns)
{
	struct sockaddr_storage to;
	socklen_t length = sock_address(&to, &t->server.addr, t->server.port);
	uint8_t out[2 + QUERY_BYTES_MAX];
	uint16_t id;

	t->fd = -1;
	t->sent_ns = clock_ns();
	random_fill(&id, sizeof id);
	t->query_bytes = query_make(t->query, t->name, t->type, udp_bytes, id);
	if (t->query_bytes == 0)
		return end(t, OUTCOME_NXDOMAIN, "not sent: this is no domain name");
	out[0] = (uint8_t)(t->query_bytes >> 8);
	out[1] = (uint8_t)t->query_bytes;
	memcpy(out + 2, t->query, t->query_bytes);
	t->fd = socket(to.ss_family, (t->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0 || (connect(t->fd, (struct sockaddr *)&to, length) != 0 && errno != EINPROGRESS))
		return end(t, OUTCOME_TIMEOUT, strerror(errno));
	if (t->tcp && !ready(t->fd, POLLOUT, end_ns))
		return end(t, OUTCOME_TIMEOUT, "no connection");
	size_t skip = t->tcp ? 0 : 2, bytes = 2 + t->query_bytes - skip;
	if (send(t->fd, out + skip, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
		end(t, OUTCOME_TIMEOUT, strerror(errno));
}

/* `count` bytes of a TCP stream. */
static bool receive_all(int fd, uint8_t *to, size_t count, uint64_t end_ns)
{
	for (size_t at = 0; at < count;) {
		ssize_t got = recv(fd, to + at, count - at, 0);
		if (got > 0)
			at += (size_t)got;
		else if (got == 0 || !sock_again(errno) || !ready(fd, POLLIN, end_ns))
			return false;
	}
	return true;
}

static void read_tcp(struct query_try *t, uint8_t *message, uint64_t end_ns)
{
	uint8_t length[2];
	enum outcome outcome;

	if (!receive_all(t->fd, length, sizeof length, end_ns))
		return end(t, OUTCOME_TIMEOUT, "connection ended without a reply");
	size_t bytes = (size_t)length[0] << 8 | length[1];
	if (!receive_all(t->fd, message, bytes, end_ns))
		return end(t, OUTCOME_TIMEOUT, "connection ended within a reply");
	if (!query_reply_read(message, bytes, t->query, t->query_bytes, &outcome, &t->text))
		return end(t, OUTCOME_SERVFAIL, "the reply is not readable, or not one to this question");
	end(t, outcome, NULL);
}

/* What is not the reply is waited over. */
static void read_udp(struct query_try *t, uint8_t *message)
{
	ssize_t got = recv(t->fd, message, MESSAGE_BYTES_MAX, 0);
	enum outcome outcome;

	if (got < 0 && !sock_again(errno))
		end(t, OUTCOME_TIMEOUT, strerror(errno));
	else if (got >= 0 && query_reply_read(message, (size_t)got, t->query, t->query_bytes, &outcome, &t->text))
		end(t, outcome, NULL);
}

static bool question_settled(const struct query_try *tries, size_t count, unsigned question)
{
	for (size_t i = 0; i < count; i++)
		if (tries[i].question == question && query_is_settled(tries[i].outcome))
			return true;
	return false;
}

static bool all_over(const struct query_try *tries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (tries[i].fd >= 0 && !question_settled(tries, count, tries[i].question))
			return false;
	return true;
}

static void wait_for_replies(struct query_try *tries, size_t count, uint8_t *message, uint64_t end_ns)
{
	struct pollfd fds[TRIES_MAX];
	uint64_t now;

	while (!all_over(tries, count) && (now = clock_ns()) < end_ns) {
		for (size_t i = 0; i < count; i++)
			fds[i] = (struct pollfd){.fd = tries[i].fd, .events = POLLIN};
		if (poll(fds, count, (int)((end_ns - now) / NS_OF_MS) + 1) <= 0)
			continue;
		for (size_t i = 0; i < count; i++) {
			if (fds[i].revents == 0)
				continue;
			if (tries[i].tcp)
				read_tcp(&tries[i], message, end_ns);
			else
				read_udp(&tries[i], message);
		}
	}
}

void query_send(struct query_try *tries, size_t count, unsigned udp_bytes, unsigned timeout_ms)
{
	uint64_t end_ns = clock_ns() + (uint64_t)timeout_ms * NS_OF_MS;
	uint8_t *message = mem_alloc(MESSAGE_BYTES_MAX);

	assert(count <= TRIES_MAX);
	for (size_t i = 0; i < count; i++)
		query_try_start(&tries[i], udp_bytes, end_ns);
	wait_for_replies(tries, count, message, end_ns);
	for (size_t i = 0; i < count; i++) {
		if (tries[i].fd < 0)
			continue;
		if (question_settled(tries, count, tries[i].question))
			end(&tries[i], OUTCOME_NONE, "not waited for: another server has answered");
		else
			end(&tries[i], OUTCOME_TIMEOUT, "no reply");
	}
	free(message);
}
