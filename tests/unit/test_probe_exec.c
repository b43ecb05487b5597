/* Exec probes with the process that runs them: what a command is given, what is said of its end, and that it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "tests/unit/exec_world.h"

#define MANY 100

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
	/* Signals 32 and 33 are the C library's own: posix_spawn of make(1), say, leaves them ignored for good. */
	script_is("grep -E '^Sig(Blk|Ign)' /proc/self/status | grep -v '0000000[01][08]0000000'; test $? = 1", "ok");
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
		assert_string_equal(all[i].why, "");
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
		assert_true(all[i].none);
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
	assert_true(!a.none && strcmp(a.why, "timeout") == 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_it_ends),
		cmocka_unit_test(what_it_is_given),
		cmocka_unit_test(a_time_out_ends_all_of_it),
		cmocka_unit_test(places_are_limited),
		cmocka_unit_test(one_that_is_cancelled),
		cmocka_unit_test(the_helper_is_killed),
		cmocka_unit_test(the_daemon_is_gone),
		cmocka_unit_test(the_helper_hangs),
		cmocka_unit_test(a_message_that_is_none),
	};

	if (geteuid() != 0) {
		fprintf(stderr, "skipped: only root can become another user\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
