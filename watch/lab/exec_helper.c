/* Runs the commands of exec probes, each in a place of its own. */
#include "watch/lab/exec_helper.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/capabilities.h"
#include "base/log.h"
#include "watch/lab/exec_command.h"
#include "watch/lab/exec_message.h"

#define HELPER_FD 3
#define UNPRIVILEGED_ID 65534 /* where the system has no such user */
#define READ_BYTES 16384
#define NEEDED (CAPABILITIES_SETUID | CAPABILITIES_SETGID | CAPABILITIES_KILL)

/* One command. */
struct place {
	struct helper *helper;
	bool used;
	pid_t pid;
	int output;
	size_t output_bytes;
	bool line_ended;
	ev_io exited, readable;
	ev_timer limit;
	struct exec_result result;
};

struct helper {
	struct ev_loop *loop;
	struct exec_user user;
	ev_io requests;
	struct place places[EXEC_PLACES];
};

static void place_kill(const struct place *p)
{
	kill(-p->pid, SIGKILL);
	kill(p->pid, SIGKILL);
}

/* ---- what a command writes ---- */

/* Keeps the beginning of the last line that is not empty. */
static void text_add(struct place *p, const char *bytes, size_t length)
{
	struct exec_result *r = &p->result;

	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\r') {
			p->line_ended = true;
			continue;
		}
		if (p->line_ended)
			r->length = 0;
		p->line_ended = false;
		if (r->length < sizeof r->text)
			r->text[r->length++] = bytes[i];
	}
}

/* False: nothing is there at present, or ever. */
static bool output_read(struct place *p)
{
	char bytes[READ_BYTES];
	ssize_t n = read(p->output, bytes, sizeof bytes);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		ev_io_stop(p->helper->loop, &p->readable);
		return false;
	}
	text_add(p, bytes, (size_t)n);
	p->output_bytes += (size_t)n;
	return true;
}

static void on_output(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct place *p = io->data;

	(void)events;
	if (!output_read(p) || p->output_bytes <= EXEC_OUTPUT_MAX_BYTES)
		return;
	ev_io_stop(loop, io);
	p->result.end = EXEC_OUTPUT;
	place_kill(p);
}

/* ---- its end ---- */

static void result_send(const struct helper *h, const struct exec_result *r)
{
	(void)send(h->requests.fd, r, sizeof *r, MSG_NOSIGNAL);
}

static void on_exited(struct ev_loop *loop, struct ev_io *io, int events)
{
	struct place *p = io->data;
	int status = 0;

	(void)events;
	place_kill(p); /* what is left of its group; before its number is free */
	waitpid(p->pid, &status, 0);
	while (p->output_bytes <= EXEC_OUTPUT_MAX_BYTES && output_read(p))
		;
	ev_io_stop(loop, &p->exited);
	ev_io_stop(loop, &p->readable);
	ev_timer_stop(loop, &p->limit);
	close(p->exited.fd);
	close(p->output);
	p->result.code = exec_command_code(status);
	p->used = false;
	result_send(p->helper, &p->result);
}

static void on_limit(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	struct place *p = timer->data;

	(void)loop, (void)events;
	if (p->result.end == EXEC_EXITED)
		p->result.end = EXEC_TIMEOUT;
	place_kill(p);
}

/* ---- its beginning ---- */

static bool command_start(struct place *p, const struct exec_request *r, int *pidfd)
{
	int output[2];

	if (pipe2(output, O_CLOEXEC) != 0)
		return false;
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	p->pid = exec_command_start(&p->helper->user, r, output[1], pidfd);
	const int error = errno;
	close(output[1]);
	if (p->pid < 0)
		close(output[0]);
	errno = error;
	p->output = output[0];
	return p->pid >= 0;
}

static void place_start(struct helper *h, const struct exec_request *r)
{
	struct place *p = &h->places[r->place];
	int pidfd;

	*p = (struct place){.helper = h, .result.place = r->place};
	if (!command_start(p, r, &pidfd)) {
		p->result.end = EXEC_NOT_STARTED;
		p->result.code = errno;
		result_send(h, &p->result);
		return;
	}
	p->used = true;
	ev_io_init(&p->exited, on_exited, pidfd, EV_READ);
	ev_io_init(&p->readable, on_output, p->output, EV_READ);
	ev_now_update(h->loop);
	ev_timer_init(&p->limit, on_limit, r->timeout_ms / 1000.0, 0);
	p->exited.data = p->readable.data = p->limit.data = p;
	ev_io_start(h->loop, &p->exited);
	ev_io_start(h->loop, &p->readable);
	ev_timer_start(h->loop, &p->limit);
}

/* False: it is none that this side can have been sent. */
static bool request_do(struct helper *h, const struct exec_request *r)
{
	const struct place *p = &h->places[r->place];

	if (r->timeout_ms == 0) {
		if (p->used)
			place_kill(p);
		return true;
	}
	if (p->used)
		return false;
	place_start(h, r);
	return true;
}

static void on_request(struct ev_loop *loop, struct ev_io *io, int events)
{
	static char bytes[EXEC_REQUEST_MAX_BYTES];
	struct exec_request r;
	ssize_t n = recv(io->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && exec_request_unpack(&r, bytes, (size_t)n) && request_do(io->data, &r))
		return;
	if (n > 0)
		log_warn("exec probes: not a request: the process that runs them ends");
	ev_break(loop, EVBREAK_ALL);
}

/* ---- the process ---- */

/* Standard error stays, for its lines; nothing else of the daemon's. */
static void descriptors_set(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(1);
	if (fd != HELPER_FD && dup3(fd, HELPER_FD, O_CLOEXEC) < 0)
		_exit(1);
	if (close_range(HELPER_FD + 1, ~0U, 0) != 0)
		_exit(1);
}

static void rights_limit(unsigned kept)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_warn("exec probes: rights cannot be limited: %s", strerror(errno));
	capabilities_bound(kept);
	if (capabilities_keep(kept) != 0)
		log_warn("exec probes: capabilities cannot be given up: %s", strerror(errno));
}

/* A terminal's and a supervisor's signals are for the daemon, whose end is told by the socket. */
static void signals_ignore(void)
{
	static const int all[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};

	setsid();
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		signal(all[i], SIG_IGN);
}

static _Noreturn void run(int fd, const struct exec_user *user, unsigned kept)
{
	static struct helper h;

	prctl(PR_SET_NAME, "exec-probes", 0, 0, 0);
	signals_ignore();
	descriptors_set(fd);
	umask(022);
	if (chdir("/") != 0)
		_exit(1);
	rights_limit(kept);
	h.user = *user;
	h.user.pids = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	h.loop = ev_loop_new(EVFLAG_AUTO);
	if (h.loop == NULL)
		_exit(1);
	ev_io_init(&h.requests, on_request, HELPER_FD, EV_READ);
	h.requests.data = &h;
	ev_io_start(h.loop, &h.requests);
	ev_run(h.loop, 0);
	for (size_t i = 0; i < EXEC_PLACES; i++)
		if (h.places[i].used)
			place_kill(&h.places[i]);
	_exit(0);
}

/* ---- the daemon's side ---- */

/* CAP_SYS_ADMIN allows it, and a supervisor's or a container's filter may forbid it all the same. */
static bool namespaces_allowed(void)
{
	const pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(unshare(CLONE_NEWPID) == 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static struct exec_user user_find(void)
{
	const struct passwd *entry = getpwnam(EXEC_USER);

	return (struct exec_user){.uid = entry != NULL ? entry->pw_uid : UNPRIVILEGED_ID,
				  .gid = entry != NULL ? entry->pw_gid : UNPRIVILEGED_ID,
				  .isolates = namespaces_allowed()};
}

static const char *fork_helper(struct exec_helper *h, unsigned held)
{
	const struct exec_user user = user_find();
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return strerror(errno);
	h->pid = fork();
	if (h->pid == 0)
		run(fds[1], &user, held & (NEEDED | CAPABILITIES_SYS_ADMIN));
	close(fds[1]);
	h->fd = fds[0];
	h->isolates = user.isolates;
	if (h->pid > 0)
		return NULL;
	close(fds[0]);
	return strerror(errno);
}

void exec_helper_start(struct exec_helper *h)
{
	const unsigned held = capabilities_held();

	*h = (struct exec_helper){.fd = -1};
	h->problem = (held & NEEDED) == NEEDED ? fork_helper(h, held)
					       : "the daemon needs CAP_SETUID, CAP_SETGID and CAP_KILL";
	if (h->problem == NULL)
		return;
	h->fd = -1;
	log_warn("exec probes cannot be made: %s", h->problem);
}

void exec_helper_stop(struct exec_helper *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}
