/* A command of an exec probe, from the fork to its program. */
#include "watch/lab/exec_command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

#define EXIT_CANNOT_RUN 126
#define EXIT_NO_PROGRAM 127
#define OOM_SCORE "500" /* what is probed matters more than the probe */

static const struct {
	int resource;
	rlim_t most;
} limits[] = {{RLIMIT_CORE, 0},
	      {RLIMIT_NOFILE, 256},
	      {RLIMIT_NPROC, 1024}, /* of all processes of the user */
	      {RLIMIT_FSIZE, 16 << 20},
	      {RLIMIT_DATA, 1 << 30}};

/* On standard error, as a shell does. */
static _Noreturn void fail(int code, const char *what, const char *name)
{
	dprintf(STDERR_FILENO, "%s%s: %s\n", what, name, strerror(errno));
	_exit(code);
}

static void signals_reset(void)
{
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nothing to read, one way to write, and no other descriptor of the helper's. */
static void descriptors_set(int output)
{
	int null = open("/dev/null", O_RDONLY);

	if (null < 0)
		null = output; /* nothing can be read from that either */
	if (dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
		_exit(EXIT_CANNOT_RUN);
	if (close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
		fail(EXIT_CANNOT_RUN, "close_range", "");
}

static void oom_score_raise(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, OOM_SCORE, sizeof OOM_SCORE - 1);
	close(fd);
}

static void netns_enter(const char *name)
{
	char path[sizeof "/run/netns/" + PROBE_NETNS_MAX_BYTES];
	int fd;

	if (name[0] == '\0')
		return;
	snprintf(path, sizeof path, "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		fail(EXIT_CANNOT_RUN, "network namespace ", name);
	close(fd);
}

static void limits_set(uint32_t timeout_ms)
{
	const struct rlimit cpu = {timeout_ms / 1000 + 1, timeout_ms / 1000 + 1};

	setrlimit(RLIMIT_CPU, &cpu);
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct rlimit now, l = {limits[i].most, limits[i].most};
		if (getrlimit((__rlimit_resource_t)limits[i].resource, &now) == 0 && now.rlim_max < l.rlim_max)
			l.rlim_cur = l.rlim_max = now.rlim_max;
		setrlimit((__rlimit_resource_t)limits[i].resource, &l);
	}
}

/* Another user than root keeps its capabilities when it changes. Not libcap-ng, which remembers the process it was in.
 */
static void user_become(const struct exec_user *u)
{
	const struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	if (setgroups(0, NULL) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 || setresuid(u->uid, u->uid, u->uid) != 0)
		fail(EXIT_CANNOT_RUN, "cannot change the user", "");
	if (syscall(SYS_capset, &head, none) != 0)
		fail(EXIT_CANNOT_RUN, "capabilities", "");
}

/* After the change of the user, which forgets it. The helper may be gone already: then nothing reads the output. */
static void end_with_helper(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || (poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0))
		_exit(EXIT_CANNOT_RUN);
}

static _Noreturn void program_run(const struct exec_request *r)
{
	static char address[256], port[64];
	char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			       "HOME=/",
			       "LANG=C.UTF-8",
			       address,
			       r->port[0] != '\0' ? port : NULL,
			       NULL};

	snprintf(address, sizeof address, "PROBE_ADDRESS=%s", r->address);
	snprintf(port, sizeof port, "PROBE_PORT=%s", r->port);
	environ = environment;
	execvp(r->command[0], (char *const *)(uintptr_t)r->command);
	fail(errno == ENOENT ? EXIT_NO_PROGRAM : EXIT_CANNOT_RUN, "", r->command[0]);
}

int exec_command_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/*
 * The first process of a namespace takes the others with it, but signals that it has no handler for do not reach it: it
 * is no place for the command itself.
 */
static _Noreturn void first_process(pid_t command)
{
	int status;
	pid_t ended;

	close_range(0, ~0U, 0); /* the output is the command's */
	do
		ended = waitpid(-1, &status, 0);
	while (ended != command && (ended > 0 || errno == EINTR));
	_exit(ended == command ? exec_command_code(status) : EXIT_CANNOT_RUN);
}

static _Noreturn void child(const struct exec_user *user, const struct exec_request *r, int output, bool first)
{
	pid_t command = 0;

	setsid();
	signals_reset();
	descriptors_set(output);
	oom_score_raise();
	netns_enter(r->netns);
	limits_set(r->timeout_ms);
	user_become(user);
	end_with_helper();
	if (first && (command = fork()) < 0)
		fail(EXIT_CANNOT_RUN, "fork", "");
	if (command != 0)
		first_process(command);
	program_run(r);
}

/* The first process of a namespace: what is forked later is to have others. */
static pid_t fork_first(int own_pids)
{
	if (unshare(CLONE_NEWPID) != 0)
		return -1;
	const pid_t pid = fork();
	const int error = errno;
	if (pid != 0 && setns(own_pids, CLONE_NEWPID) != 0)
		fatal("exec probes: back to the own process namespace");
	errno = error;
	return pid;
}

pid_t exec_command_start(const struct exec_user *user, const struct exec_request *r, int output, int *pidfd)
{
	const pid_t pid = user->isolates ? fork_first(user->pids) : fork();

	if (pid == 0)
		child(user, r, output, user->isolates);
	if (pid < 0)
		return pid;
	*pidfd = pidfd_open(pid, 0);
	if (*pidfd >= 0)
		return pid;
	const int error = errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	errno = error;
	return -1;
}
