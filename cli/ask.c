/* The asking side of the control socket. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"

static int socket_connect(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof name) == 0)
		return fd;
	int reason = errno;
	if (fd >= 0)
		close(fd);
	errno = reason;
	return -1;
}

static bool request_send(int fd, const char *request)
{
	struct buf line = {0};

	buf_printf(&line, "%s\n", request);
	bool sent = send(fd, line.data, line.length_bytes, MSG_NOSIGNAL) == (ssize_t)line.length_bytes;
	buf_fini(&line);
	return sent;
}

int cli_ask(const char *path, const char *request, struct buf *body)
{
	int fd = socket_connect(path), code = EXIT_NO_DAEMON;
	char piece[16384];
	ssize_t n;

	buf_clear(body);
	if (fd < 0) {
		buf_printf(body, "no daemon answers on %s: %s\n", path, strerror(errno));
		return EXIT_NO_DAEMON;
	}
	if (request_send(fd, request)) {
		while ((n = read(fd, piece, sizeof piece)) > 0)
			buf_add(body, piece, (size_t)n);
	}
	close(fd);
	if (body->length_bytes < 2 || body->data[1] != '\n') {
		buf_clear(body);
		buf_printf(body, "no daemon answers on %s: it hung up; too many clients, or it has just stopped\n",
			   path);
		return EXIT_NO_DAEMON;
	}
	code = body->data[0] - '0';
	buf_consume(body, 2);
	return code;
}
