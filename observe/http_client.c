/* Serves one HTTP connection. */
#include "observe/http_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/sock.h"

#define TEXT "text/plain; charset=utf-8"
#define READ_BYTES ((size_t)4096)
#define REQUEST_S 10.
#define ANSWER_S 60.
#define LINGER_S 2.
#define LINGER_BYTES_MAX 65536U

static void due_set(struct http_client *c, double seconds)
{
	c->due.repeat = seconds;
	ev_timer_again(c->loop, &c->due);
}

static void watch(struct http_client *c, int events)
{
	if ((c->io.events & (EV_READ | EV_WRITE)) == events && ev_is_active(&c->io))
		return;
	ev_io_stop(c->loop, &c->io);
	ev_io_modify(&c->io, events);
	ev_io_start(c->loop, &c->io);
}

/* ---- answers ---- */

static const char *phrase(unsigned status)
{
	static const struct {
		unsigned status;
		const char *phrase;
	} phrases[] = {{200, "OK"},
		       {400, "Bad Request"},
		       {404, "Not Found"},
		       {413, "Content Too Large"},
		       {414, "URI Too Long"},
		       {417, "Expectation Failed"},
		       {421, "Misdirected Request"},
		       {431, "Request Header Fields Too Large"},
		       {501, "Not Implemented"},
		       {503, "Service Unavailable"},
		       {505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < sizeof phrases / sizeof *phrases; i++)
		if (phrases[i].status == status)
			return phrases[i].phrase;
	return "";
}

/* RFC 9110 5.6.7 */
static void date_put(struct buf *out)
{
	const time_t now = time(NULL);
	char text[40];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	buf_printf(out, "Date: %s\r\n", text);
}

static void answer_flush(struct http_client *c)
{
	while (c->out.length_bytes != 0) {
		ssize_t n = send(c->io.fd, c->out.data, c->out.length_bytes, MSG_NOSIGNAL);
		if (n < 0 && sock_again(errno)) {
			watch(c, EV_WRITE);
			return;
		}
		if (n < 0) {
			c->state = HTTP_CLIENT_OVER;
			return;
		}
		buf_consume(&c->out, (size_t)n);
	}
	buf_fini(&c->out);
	watch(c, EV_READ);
	if (!c->request.keep_alive) {
		shutdown(c->io.fd, SHUT_WR);
		c->state = HTTP_CLIENT_LINGER;
		due_set(c, LINGER_S);
	} else {
		c->state = HTTP_CLIENT_HEAD;
		due_set(c, REQUEST_S);
		if (c->in.length_bytes != 0)
			ev_timer_start(c->loop, &c->next);
	}
	c->answered(c);
}

static void reply_send(struct http_client *c)
{
	struct http_reply *reply = &c->reply;
	struct buf *out = &c->out;

	buf_printf(out, "HTTP/1.1 %u %s\r\n", reply->status, phrase(reply->status));
	date_put(out);
	if (!c->request.keep_alive)
		buf_puts(out, "Connection: close\r\n");
	else if (c->request.http10)
		buf_puts(out, "Connection: keep-alive\r\n");
	buf_printf(out, "Content-Type: %s\r\n", reply->content_type);
	for (size_t i = 0; i < reply->header_count; i++)
		buf_printf(out, "%s: %s\r\n", reply->headers[i].name,
			   reply->headers[i].point != NULL ? reply->headers[i].point : reply->headers[i].value);
	buf_printf(out, "Content-Length: %zu\r\n\r\n", reply->body.length_bytes);
	if (!c->request.head && reply->body.length_bytes != 0)
		buf_add(out, reply->body.data, reply->body.length_bytes);
	buf_fini(&reply->body);
	c->state = HTTP_CLIENT_ANSWER;
	due_set(c, ANSWER_S);
	answer_flush(c);
}

static void refuse(struct http_client *c, unsigned status, const char *why)
{
	c->reply = (struct http_reply){.status = status, .content_type = TEXT};
	c->request.keep_alive = false;
	buf_printf(&c->reply.body, "%u %s: %s\n", status, phrase(status), why);
	reply_send(c);
}

/* Of the main thread, which has the client from now on. */
static void ask(struct http_client *c)
{
	c->state = HTTP_CLIENT_ASKED;
	ev_io_stop(c->loop, &c->io);
	ev_timer_stop(c->loop, &c->due);
	if (!c->ask(c))
		refuse(c, 503, "too many requests wait");
}

static void answer(struct http_client *c)
{
	c->reply = (struct http_reply){.status = 200, .content_type = TEXT};
	if (c->private_hosts && !http_host_is_private(c->request.host))
		refuse(c, 421, "ask for an address, or for a name that only this network has");
	else if (c->request.whole_server || c->handler(c->ctx, c->request.path, &c->reply))
		reply_send(c);
	else
		ask(c);
}

void http_client_reply(struct http_client *c)
{
	reply_send(c);
	if (c->state == HTTP_CLIENT_OVER)
		c->ended(c);
}

/* ---- requests ---- */

/* RFC 9110 10.1.1. The socket's buffer is empty, so the line fits, or the client is gone. */
static void continue_send(struct http_client *c)
{
	static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (c->request.expects_continue && c->body.state != HTTP_BODY_END && c->in.length_bytes == 0)
		(void)!send(c->io.fd, line, sizeof line - 1, MSG_NOSIGNAL);
}

static void head_read(struct http_client *c)
{
	const size_t length = http_head_length(&c->head, c->in.data, c->in.length_bytes);

	if (length == 0 && c->in.length_bytes < HTTP_HEAD_BYTES_MAX)
		return;
	if (length == 0)
		http_request_too_long(&c->request, c->in.data, c->in.length_bytes);
	else
		http_request_parse(&c->request, c->in.data, length);
	buf_consume(&c->in, length);
	c->head = (struct http_head){0};
	if (c->request.status != 0) {
		refuse(c, c->request.status, c->request.why);
		return;
	}
	c->body = http_body_start(&c->request);
	c->state = HTTP_CLIENT_BODY;
	if (c->body.status == 0)
		continue_send(c);
}

static void body_read(struct http_client *c)
{
	if (c->in.length_bytes != 0)
		buf_consume(&c->in, http_body_read(&c->body, c->in.data, c->in.length_bytes));
	if (c->body.status != 0)
		refuse(c, c->body.status, c->body.status == 413 ? "content is too large" : "malformed chunk");
	else if (c->body.state == HTTP_BODY_END)
		answer(c);
}

static void request_read(struct http_client *c)
{
	if (c->state == HTTP_CLIENT_HEAD && c->in.length_bytes != 0)
		head_read(c);
	if (c->state == HTTP_CLIENT_BODY)
		body_read(c);
}

static void client_receive(struct http_client *c)
{
	char bytes[READ_BYTES];
	const size_t room = HTTP_HEAD_BYTES_MAX - c->in.length_bytes;
	ssize_t n = recv(c->io.fd, bytes, room < sizeof bytes ? room : sizeof bytes, 0);

	if (n < 0 && sock_again(errno))
		return;
	if (n > 0 && c->state == HTTP_CLIENT_LINGER)
		c->lingered_bytes += (size_t)n;
	if (n <= 0 || c->lingered_bytes > LINGER_BYTES_MAX)
		c->state = HTTP_CLIENT_OVER;
	if (c->state == HTTP_CLIENT_LINGER || c->state == HTTP_CLIENT_OVER)
		return;
	buf_add(&c->in, bytes, (size_t)n);
	request_read(c);
}

static void on_io(struct ev_loop *loop, ev_io *w, int events)
{
	struct http_client *c = w->data;

	(void)loop, (void)events;
	if (c->state == HTTP_CLIENT_ANSWER)
		answer_flush(c);
	else
		client_receive(c);
	if (c->state == HTTP_CLIENT_OVER)
		c->ended(c);
}

static void on_next(struct ev_loop *loop, ev_timer *w, int events)
{
	struct http_client *c = w->data;

	(void)loop, (void)events;
	request_read(c);
	if (c->state == HTTP_CLIENT_OVER)
		c->ended(c);
}

static void on_due(struct ev_loop *loop, ev_timer *w, int events)
{
	struct http_client *c = w->data;

	(void)loop, (void)events;
	c->ended(c);
}

void http_client_start(struct http_client *c, struct ev_loop *loop, int fd)
{
	c->loop = loop;
	ev_io_init(&c->io, on_io, fd, EV_READ);
	ev_timer_init(&c->due, on_due, 0., REQUEST_S);
	ev_timer_init(&c->next, on_next, 0., 0.);
	c->io.data = c->due.data = c->next.data = c;
	ev_io_start(loop, &c->io);
	ev_timer_again(loop, &c->due);
}

void http_client_fini(struct http_client *c)
{
	ev_io_stop(c->loop, &c->io);
	ev_timer_stop(c->loop, &c->due);
	ev_timer_stop(c->loop, &c->next);
	close(c->io.fd);
	buf_fini(&c->in);
	buf_fini(&c->out);
	buf_fini(&c->reply.body);
}
