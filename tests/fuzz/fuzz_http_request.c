/*
 * Any bytes as requests on one connection, in pieces: what comes back are whole answers, at most one for each head, and
 * in whatever pieces the bytes come, the parser reads the same.
 */
#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "observe/http_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool over;
static unsigned answers;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void on_answered(struct http_client *c)
{
	(void)c;
	answers++;
}

static void on_ended(struct http_client *c)
{
	http_client_fini(c);
	over = true;
}

/* Every other page is left to the main thread, which the same loop stands for. */
static bool page(void *ctx, const char *path, struct http_reply *reply)
{
	(void)ctx;
	must(strlen(path) < HTTP_PATH_BYTES);
	if (strlen(path) % 2 == 0)
		return false;
	buf_puts(&reply->body, "page\n");
	return true;
}

static void on_asked(void *about)
{
	struct http_client *c = about;

	must(!over && c->state == HTTP_CLIENT_ASKED);
	buf_puts(&c->reply.body, "page\n");
	http_client_reply(c);
}

static bool on_ask(struct http_client *c)
{
	if (strlen(c->request.path) % 8 == 0)
		return false; /* too many ask */
	mailbox_put(c->ctx, &c->question, on_asked, c);
	return true;
}

/* ---- the parser alone ---- */

static size_t head_in_pieces(const char *bytes, size_t length, size_t piece)
{
	struct http_head h = {0};

	for (size_t have = piece; have < length; have += piece) {
		size_t found = http_head_length(&h, bytes, have);
		if (found != 0)
			return found;
	}
	return http_head_length(&h, bytes, length);
}

static void body_in_pieces(const struct http_request *r, const char *bytes, size_t length, size_t piece)
{
	struct http_body_reader whole = http_body_start(r), parts = whole;
	size_t at = 0, end = http_body_read(&whole, bytes, length);

	while (at < length && parts.state != HTTP_BODY_END && parts.status == 0)
		at += http_body_read(&parts, bytes + at, length - at < piece ? length - at : piece);
	must(at == end && parts.state == whole.state && parts.status == whole.status);
	must(whole.seen <= HTTP_BODY_BYTES_MAX + 1);
}

static void parse(const char *bytes, size_t length, size_t piece)
{
	const size_t head = head_in_pieces(bytes, length, length + 1);
	struct http_request r;

	must(head_in_pieces(bytes, length, piece) == head && head <= length);
	if (head == 0)
		return;
	http_request_parse(&r, bytes, head);
	must((r.status == 0) == (r.why == NULL));
	must(r.status == 0 || (r.status >= 400 && !r.keep_alive));
	must(memchr(r.path, '\0', sizeof r.path) != NULL);
	if (r.status == 0)
		body_in_pieces(&r, bytes + head, length - head, piece);
}

/* ---- a connection ---- */

/* Takes what came; returns how many answers begin in it. Every one of ours begins a line. */
static void drain(int fd, struct buf *got)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		buf_add(got, bytes, (size_t)n);
}

static unsigned count_answers(const struct buf *got)
{
	static const char mark[] = "HTTP/1.1 ", interim[] = "HTTP/1.1 100 ";
	unsigned count = 0;

	for (const char *at = got->data; at != NULL && (at = strstr(at, mark)) != NULL; at++)
		count += strncmp(at, interim, sizeof interim - 1) != 0;
	return count;
}

static void talk(struct mailbox *main, const char *bytes, size_t length, size_t piece)
{
	struct http_client c = {
		.handler = page, .ctx = main, .ask = on_ask, .answered = on_answered, .ended = on_ended};
	struct ev_loop *loop = main->loop;
	struct buf got = {0};
	int pair[2];

	over = false;
	answers = 0;
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	http_client_start(&c, loop, pair[0]);
	for (size_t at = 0; at < length && !over; at += piece) {
		(void)!send(pair[1], bytes + at, length - at < piece ? length - at : piece, MSG_NOSIGNAL);
		ev_run(loop, EVRUN_NOWAIT);
		drain(pair[1], &got);
	}
	for (unsigned before = answers + 1; !over && before != answers;) { /* those sent ahead */
		before = answers;
		for (int turn = 0; turn < 6 && !over; turn++)
			ev_run(loop, EVRUN_NOWAIT);
	}
	drain(pair[1], &got);
	must(count_answers(&got) == answers && answers <= length / 10 + 1);
	close(pair[1]);
	for (int turn = 0; turn < 100 && !over; turn++)
		ev_run(loop, EVRUN_NOWAIT);
	must(over);
	buf_fini(&got);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mailbox main;

	if (size < 2 || size > 100000)
		return 0;
	if (main.loop == NULL)
		mailbox_init(&main, ev_loop_new(0));
	const size_t piece = data[0] < 64 ? data[0] + 1U : data[0] * 16U;
	char *bytes = malloc(size - 1); /* its end is where a sanitizer sees it */
	memcpy(bytes, data + 1, size - 1);
	parse(bytes, size - 1, piece);
	talk(&main, bytes, size - 1, piece);
	free(bytes);
	return 0;
}
