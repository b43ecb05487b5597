/* Exec probes with the process that runs them: what a command is given, what is said of its end, and that it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <ev.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "watch/lab/exec_message.h"
#include "watch/lab/probe_exec.h"

#define MANY 100
#define TICK_S 0.02
#define LIMIT_TICKS 3000u /* a minute */

static struct {
	struct ev_loop *loop;
	struct exec_helper helper;
	struct probe_exec *exec;
} world;

/* One probe. */
struct asked {
	struct probe_object spec;
	const char *command[PROBE_COMMAND_MAX];
	struct probe_attempt *attempt;
	bool ended, success;
	char why[PROBE_WHY_BYTES];
};

static void begin(void)
{
	world.loop = ev_loop_new(EVFLAG_AUTO);
	exec_helper_start(&world.helper);
	world.exec = probe_exec_new(world.loop, &world.helper);
}

static void helper_reap(int expected)
{
	int status = 0;

	assert_int_equal(waitpid(world.helper.pid, &status, 0), world.helper.pid);
	assert_int_equal(status, expected);
}

static void world_end(void)
{
	probe_exec_free(world.exec);
	exec_helper_stop(&world.helper);
	ev_loop_destroy(world.loop);
}

static void end(void)
{
	world_end();
	helper_reap(0);
}

static void on_end(void *ctx, bool success, const char *why)
{
	struct asked *a = ctx;

	assert_false(a->ended);
	a->ended = true;
	a->success = success;
	snprintf(a->why, sizeof a->why, "%s", why);
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
	unsigned *left = timer->data;

	(void)loop, (void)events;
	if ((*left)-- == 0)
		fail_msg("not within the limit");
}

/* Runs the loop until the condition holds. */
#define UNTIL(condition)                                        \
	do {                                                    \
		unsigned left_ = LIMIT_TICKS;                   \
		ev_timer tick_;                                 \
		ev_timer_init(&tick_, on_tick, TICK_S, TICK_S); \
		tick_.data = &left_;                            \
		ev_now_update(world.loop);                      \
		ev_timer_start(world.loop, &tick_);             \
		while (!(condition))                            \
			ev_run(world.loop, EVRUN_ONCE);         \
		ev_timer_stop(world.loop, &tick_);              \
	} while (0)

/* command: texts that end with a NULL. */
static void ask_in(const char *netns, struct asked *a, uint32_t timeout_ms, const char *const *command)
{
	const struct probe_request r = {
		.spec = &a->spec, .addr = {AF_INET, {10, 1, 0, 1}}, .port = 8080, .end = on_end, .ctx = a};

	*a = (struct asked){
		.spec = {.action = PROBE_EXEC, .timeout_ms = timeout_ms, .command = a->command, .netns = netns}};
	for (; command[a->spec.command_count] != NULL; a->spec.command_count++)
		a->command[a->spec.command_count] = command[a->spec.command_count];
	a->attempt = probe_exec_start(world.exec, &r);
}

static void ask(struct asked *a, uint32_t timeout_ms, const char *const *command)
{
	ask_in(NULL, a, timeout_ms, command);
}

static void shell(struct asked *a, uint32_t timeout_ms, const char *script)
{
	ask(a, timeout_ms, (const char *[]){"sh", "-c", script, NULL});
}

/* What is said of a script: "ok" of a success. */
static void script_is(const char *script, const char *expected)
{
	struct asked a;

	shell(&a, 30000, script);
	UNTIL(a.ended);
	assert_string_equal(a.success ? "ok" : a.why, expected);
}

/* Processes that have this word in their command line, of all users. */
static unsigned processes(const char *word)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	unsigned count = 0;

	while ((entry = readdir(proc)) != NULL) {
		char path[300], line[4096] = "";
		snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
		FILE *f = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? fopen(path, "r") : NULL;
		const size_t n = f != NULL ? fread(line, 1, sizeof line - 1, f) : 0;
		for (size_t i = 0; i < n; i++)
			line[i] = line[i] == '\0' ? ' ' : line[i];
		count += strstr(line, word) != NULL;
		if (f != NULL)
			fclose(f);
	}
	closedir(proc);
	return count;
}

static void none_is_left(const char *word)
{
	for (unsigned i = 0; i < 1000 && processes(word) != 0; i++)
		usleep(10000);
	assert_int_equal(processes(word), 0);
}

/* A number of seconds that no other program sleeps. */
static const char *word_of(char word[32], unsigned which)
{
	snprintf(word, 32, "9%05u.%d", which, (int)getpid());
	return word;
}

static void how_it_ends(void **state)
{
	const char *missing[] = {"/no/such", NULL}, *folder[] = {"/etc", NULL}, *found[] = {"true", NULL};
	struct asked a;

	(void)state;
	begin();
	script_is("exit 0", "ok");
	script_is("exit 1", "exit code 1");
	script_is("echo first; echo 'no such table'; exit 3", "exit code 3: no such table");
	script_is("echo said on error >&2; echo; exit 255", "exit code 255: said on error");
	script_is("printf 'a\\033[31m\\tb\\r\\n'; exit 1", "exit code 1: a\\x1b[31m\\tb");
	script_is("printf '%0200d' 0; exit 1", "exit code 1: 000000000000000000000000000000000000000000000000"
					       "000000000000000000000000000000000000000000000000");
	script_is("kill -TERM $$", "exit code 143");
	script_is("kill -ABRT $$", "exit code 134");
	script_is("yes", "more than 1 MiB of output");
	script_is("head -c 1000000 /dev/zero", "ok");
	ask(&a, 30000, missing);
	UNTIL(a.ended);
	assert_string_equal(a.why, "exit code 127: /no/such: No such file or directory");
	ask(&a, 30000, folder);
	UNTIL(a.ended);
	assert_string_equal(a.why, "exit code 126: /etc: Permission denied");
	ask_in("no-such", &a, 30000, found);
	UNTIL(a.ended);
	assert_string_equal(a.why, "exit code 126: network namespace no-such: No such file or directory");
	end();
}

static void what_it_is_given(void **state)
{
	(void)state;
	setenv("OF_THE_DAEMON", "secret", 1);
	begin();
	script_is("test $(id -un) = nobody && test $(id -G) = $(id -g) && test $(id -u) -ne 0", "ok");
	script_is("test \"$PROBE_ADDRESS $PROBE_PORT\" = '10.1.0.1 8080' && test -z \"$OF_THE_DAEMON\"", "ok");
	script_is("test \"$(ls /proc/self/fd | tr '\\n' ' ')\" = '0 1 2 3 '", "ok"); /* 3: ls itself */
	script_is("read line && echo read; test -z \"$line\" && ! echo x >&0", "ok");
	script_is("grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status | grep -v 0000000000000000; test $? = 1", "ok");
	script_is("grep -q '^NoNewPrivs:.1' /proc/self/status", "ok");
	script_is("grep -E '^Sig(Blk|Ign)' /proc/self/status | grep -v 0000000000000000; test $? = 1", "ok");
	script_is("test \"$(ulimit -c) $(ulimit -n)\" = '0 256' && test $(pwd) = / && test $(umask) = 0022", "ok");
	script_is("test $(cat /proc/self/oom_score_adj) -ge 500", "ok");
	script_is("cat /etc/shadow", "exit code 1: cat: /etc/shadow: Permission denied");
	end();
	unsetenv("OF_THE_DAEMON");
}

static void a_time_out_ends_all_of_it(void **state)
{
	char word[32], script[256];
	struct asked a;

	(void)state;
	begin();
	word_of(word, 1);
	snprintf(script, sizeof script, "sleep %s & sleep %s & trap '' TERM; sleep %s; true", word, word, word);
	shell(&a, 300, script);
	UNTIL(a.ended);
	assert_string_equal(a.why, "timeout");
	none_is_left(word);
	if (world.helper.isolates) { /* what leaves the session, too, and what a success leaves behind */
		snprintf(script, sizeof script, "setsid sleep %s & sleep %s", word, word);
		shell(&a, 300, script);
		UNTIL(a.ended);
		none_is_left(word);
		snprintf(script, sizeof script, "setsid sleep %s >/dev/null 2>&1 & true", word);
		script_is(script, "ok");
		none_is_left(word);
	}
	end();
}

static void places_are_limited(void **state)
{
	static struct asked all[MANY];
	char word[32], script[128];
	unsigned most = 0, at_once, ended;

	(void)state;
	begin();
	snprintf(script, sizeof script, "sleep 0.2; : %s", word_of(word, 2));
	for (unsigned i = 0; i < MANY; i++)
		shell(&all[i], 30000, script);
	do {
		ev_run(world.loop, EVRUN_ONCE);
		at_once = processes(word);
		most = at_once > most ? at_once : most;
		ended = 0;
		for (unsigned i = 0; i < MANY; i++)
			ended += all[i].ended;
	} while (ended < MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(all[i].success);
	assert_in_range(most, 2, 2 * EXEC_PLACES); /* each has a first process of its namespace */
	assert_int_equal(atomic_load(&world.helper.running), 0);
	end();
}

static void one_that_is_cancelled(void **state)
{
	static struct asked all[EXEC_PLACES + 1];
	char word[32];

	(void)state;
	begin();
	const char *command[] = {"sleep", word_of(word, 3), NULL};
	for (unsigned i = 0; i <= EXEC_PLACES; i++) /* the last one waits */
		ask(&all[i], 600000, command);
	for (unsigned i = 0; i <= EXEC_PLACES; i++)
		probe_attempt_cancel(all[i].attempt);
	UNTIL(atomic_load(&world.helper.running) == 0);
	none_is_left(word);
	script_is("exit 7", "exit code 7");
	end();
}

static void the_helper_is_killed(void **state)
{
	static struct asked all[EXEC_PLACES + 1];
	char word[32];

	(void)state;
	begin();
	const char *command[] = {"sleep", word_of(word, 4), NULL};
	for (unsigned i = 0; i <= EXEC_PLACES; i++)
		ask(&all[i], 600000, command);
	UNTIL(processes(word) >= EXEC_PLACES);
	kill(world.helper.pid, SIGKILL);
	for (unsigned i = 0; i <= EXEC_PLACES; i++) {
		UNTIL(all[i].ended);
		assert_string_equal(all[i].why, "the process that runs exec probes has ended");
	}
	assert_true(atomic_load(&world.helper.gone));
	script_is("exit 0", "the process that runs exec probes has ended");
	if (world.helper.isolates)
		none_is_left(word);
	world_end();
	helper_reap(SIGKILL);
}

/* As when the daemon dies: its end of the socket is closed. */
static void the_daemon_is_gone(void **state)
{
	struct asked a;
	char word[32], script[128];

	(void)state;
	begin();
	snprintf(script, sizeof script, "sleep %s & sleep %s", word_of(word, 5), word);
	shell(&a, 600000, script);
	UNTIL(processes(word) >= 3);
	kill(world.helper.pid, SIGTERM); /* a supervisor's: the daemon decides */
	exec_helper_stop(&world.helper);
	helper_reap(0);
	none_is_left(word);
	probe_attempt_cancel(a.attempt);
	world_end();
}

/* Its answer is not waited for much longer than the command may take. */
static void the_helper_hangs(void **state)
{
	struct asked a;

	(void)state;
	begin();
	kill(world.helper.pid, SIGSTOP);
	shell(&a, 100, "exit 0");
	UNTIL(a.ended);
	assert_string_equal(a.why, "timeout");
	kill(world.helper.pid, SIGCONT);
	script_is("exit 0", "ok");
	end();
}

static void a_message_that_is_none(void **state)
{
	struct asked a;

	(void)state;
	begin();
	assert_int_equal(write(world.helper.fd, "hello", 5), 5);
	shell(&a, 1000, "exit 0");
	UNTIL(a.ended);
	assert_false(a.success);
	world_end();
	helper_reap(0);
}

static void without_the_rights(void **state)
{
	struct asked a;
	int status;
	const pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		const bool changed = geteuid() != 0 || setresuid(65534, 65534, 65534) == 0;
		begin();
		shell(&a, 1000, "exit 0");
		UNTIL(a.ended);
		_exit(changed && world.helper.fd == -1 && !a.success &&
				      strcmp(a.why, "the daemon needs CAP_SETUID, CAP_SETGID and CAP_KILL") == 0
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest of_any_user[] = {cmocka_unit_test(without_the_rights)};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_the_rights),	cmocka_unit_test(how_it_ends),
		cmocka_unit_test(what_it_is_given),	cmocka_unit_test(a_time_out_ends_all_of_it),
		cmocka_unit_test(places_are_limited),	cmocka_unit_test(one_that_is_cancelled),
		cmocka_unit_test(the_helper_is_killed), cmocka_unit_test(the_daemon_is_gone),
		cmocka_unit_test(the_helper_hangs),	cmocka_unit_test(a_message_that_is_none),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "skipped but one: only root can become another user\n");
		return cmocka_run_group_tests(of_any_user, NULL, NULL);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
