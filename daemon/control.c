/* Serves the control socket. */
#include "daemon/control.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/listener.h"
#include "base/mem.h"
#include "base/sock.h"
#include "observe/requests.h"

/* The requests thread's, except for what the main thread does in between: it runs the command. */
struct client {
	struct control *control;
	struct ev_io io;
	struct ev_timer idle;
	struct mail question; /* to the main thread, and back */
	size_t request_bytes;
	char request[CONTROL_REQUEST_BYTES];
	int argc;
	char *argv[CONTROL_WORDS + 1]; /* in request */
	const struct control_command *command;
	int code;
	struct buf body;  /* what the command printed */
	struct buf reply; /* what goes to the client; empty until it is answered */
};

struct control {
	char *path;
	int lock_fd, listen_fd; /* listen_fd is the listener's once there is one */
	struct requests *requests;
	struct ev_loop *loop; /* the requests thread's */
	struct listeners *listeners;
	struct listener *listener; /* NULL before on_begin */
	struct mail begin;
	const struct control_command *commands;
	void *ctx;
	struct client *clients[CONTROL_CLIENTS]; /* NULL: free place */
};

static int lock_open(const char *path, int flags)
{
	struct buf name = {0};
	int fd;

	buf_printf(&name, "%s.lock", path);
	fd = open(name.data, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
	buf_fini(&name);
	if (fd < 0 || folder_file_wrong(fd) == NULL)
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

bool control_locked(const char *path)
{
	int fd = lock_open(path, 0);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return locked;
}

/* NULL, or why the socket cannot be in its folder. */
static const char *folder_make(const char *path)
{
	char *copy = mem_strdup(path);
	const char *wrong;
	int fd = folder_open(dirname(copy), 0755, true, &wrong);

	if (fd >= 0)
		close(fd);
	free(copy);
	return wrong;
}

/* The lock is ours, so a socket that is still there is a dead daemon's; anything else there is nothing of ours. */
static int socket_bind(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	mode_t old = umask(0177);
	int bad = bind(fd, (struct sockaddr *)&name, sizeof name);
	umask(old);
	if (bad == 0 && listen(fd, CONTROL_CLIENTS) == 0)
		return fd;
	int reason = errno;
	close(fd);
	errno = reason;
	return -1;
}

struct control *control_open(const char *path, char error[ERROR_BYTES])
{
	struct control *c = mem_alloc(sizeof *c);

	c->path = mem_strdup(path);
	c->listen_fd = -1;
	const char *no_folder = folder_make(path);
	c->lock_fd = no_folder == NULL ? lock_open(path, O_CREAT) : -1;
	if (no_folder != NULL) {
		snprintf(error, ERROR_BYTES, "control socket %s: %s%s", path, errno == EPERM ? "its folder: " : "",
			 no_folder);
	} else if (c->lock_fd < 0) {
		snprintf(error, ERROR_BYTES, "control socket %s: %s.lock: %s", path, path, strerror(errno));
	} else if (flock(c->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		snprintf(error, ERROR_BYTES, "control socket %s: another fairlead is running", path);
		close(c->lock_fd);
		c->lock_fd = -1; /* and leave its socket alone */
	} else {
		c->listen_fd = socket_bind(path);
		if (c->listen_fd >= 0)
			return c;
		snprintf(error, ERROR_BYTES, "control socket %s: %s", path,
			 errno == EADDRINUSE ? "something else is there, no socket" : strerror(errno));
	}
	control_close(c);
	return NULL;
}

static void client_free(struct client *client)
{
	struct control *c = client->control;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i] == client)
			c->clients[i] = NULL;
	ev_io_stop(c->loop, &client->io);
	ev_timer_stop(c->loop, &client->idle);
	close(client->io.fd);
	buf_fini(&client->body);
	buf_fini(&client->reply);
	free(client);
}

void control_close(struct control *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (c->clients[i] != NULL)
			client_free(c->clients[i]);
	if (c->listen_fd >= 0)
		unlink(c->path);
	if (c->listener == NULL && c->listen_fd >= 0)
		close(c->listen_fd);
	listener_close(c->listener);
	listeners_free(c->listeners);
	if (c->lock_fd >= 0)
		close(c->lock_fd);
	free(c->path);
	free(c);
}

/* ---- a request ---- */

static void request_split(struct client *client)
{
	char *rest = client->request, **words = client->argv;
	int count = 0;

	while (count < CONTROL_WORDS && (words[count] = strsep(&rest, " ")) != NULL)
		count += words[count][0] != '\0';
	words[count] = NULL;
	client->argc = count;
}

/* NULL: there is none of that name. */
static const struct control_command *command_find(const struct control *c, const char *name)
{
	for (const struct control_command *command = c->commands; command->name != NULL; command++)
		if (name != NULL && strcmp(command->name, name) == 0)
			return command;
	return NULL;
}

/* The exit code's line, and what was printed, without what drives a terminal. */
static void reply_send(struct client *client)
{
	struct ev_loop *loop = client->control->loop;

	buf_printf(&client->reply, "%d\n", client->code);
	buf_add_escaped(&client->reply, client->body.data, client->body.length_bytes, true);
	buf_fini(&client->body);
	ev_io_set(&client->io, client->io.fd, EV_WRITE);
	ev_io_start(loop, &client->io);
	ev_timer_again(loop, &client->idle);
}

static void on_answer(void *about)
{
	reply_send(about);
}

/* In the main thread. */
static void on_question(void *about)
{
	struct client *client = about;
	const struct control *c = client->control;

	client->code = client->command->answer(c->ctx, client->argc, client->argv, &client->body);
	requests_tell(c->requests, &client->question, on_answer, client);
}

/* The client waits, however long the main thread takes. */
static void request_answer(struct client *client)
{
	const struct control *c = client->control;

	ev_io_stop(c->loop, &client->io);
	ev_timer_stop(c->loop, &client->idle);
	request_split(client);
	client->command = command_find(c, client->argv[0]);
	if (client->command != NULL) {
		requests_ask(c->requests, &client->question, on_question, client);
		return;
	}
	client->code = 2;
	buf_puts(&client->body, "this daemon does not know the command; is it another version?\n");
	reply_send(client);
}

/* ---- clients ---- */

/* Returns false when the client is done. */
static bool client_write(struct client *client)
{
	ssize_t n = send(client->io.fd, client->reply.data, client->reply.length_bytes, MSG_NOSIGNAL);

	if (n < 0)
		return sock_again(errno);
	buf_consume(&client->reply, (size_t)n);
	return client->reply.length_bytes != 0;
}

static bool client_read(struct client *client)
{
	size_t room = sizeof client->request - client->request_bytes;
	ssize_t n = read(client->io.fd, client->request + client->request_bytes, room);

	if (n < 0)
		return sock_again(errno);
	if (n == 0)
		return false;
	client->request_bytes += (size_t)n;
	char *end = memchr(client->request, '\n', client->request_bytes);
	if (end == NULL)
		return client->request_bytes < sizeof client->request;
	*end = '\0';
	request_answer(client);
	return true;
}

static void on_client(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct client *client = io->data;

	ev_timer_again(loop, &client->idle);
	if ((events & EV_WRITE) != 0 ? !client_write(client) : !client_read(client))
		client_free(client);
}

static void on_idle(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	(void)loop, (void)events;
	client_free(timer->data);
}

static void accepted(void *ctx, int fd, const struct sockaddr_storage *from)
{
	struct control *c = ctx;
	size_t place = 0;

	(void)from;
	while (place < CONTROL_CLIENTS && c->clients[place] != NULL)
		place++;
	if (place == CONTROL_CLIENTS) {
		close(fd); /* the asking command says that the daemon hung up */
		return;
	}
	struct client *client = c->clients[place] = mem_alloc(sizeof *client);
	client->control = c;
	ev_io_init(&client->io, on_client, fd, EV_READ);
	ev_timer_init(&client->idle, on_idle, 0., CONTROL_IDLE_S);
	client->io.data = client->idle.data = client;
	ev_io_start(c->loop, &client->io);
	ev_timer_again(c->loop, &client->idle);
}

/* In the requests thread. */
static void on_begin(void *about)
{
	struct control *c = about;

	c->listeners = listeners_new(c->loop);
	c->listener = listener_adopt(c->listeners,
				     &(struct listener_config){.what = "control", .accepted = accepted, .ctx = c},
				     c->listen_fd);
}

void control_start(struct control *c, struct requests *requests, const struct control_command *commands, void *ctx)
{
	c->requests = requests;
	c->loop = requests_loop(requests);
	c->commands = commands;
	c->ctx = ctx;
	requests_tell(requests, &c->begin, on_begin, c);
}
