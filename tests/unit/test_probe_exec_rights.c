/* Exec probes of a daemon with fewer rights: without those to become another user, and without namespaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "base/capabilities.h"
#include "tests/unit/exec_world.h"

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
		_exit(changed && world.helper.fd == -1 && a.none &&
				      strcmp(a.why, "the daemon needs CAP_SETUID, CAP_SETGID and CAP_KILL") == 0
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A process group is what ends then. */
static void without_namespaces(void **state)
{
	const char *found[] = {"true", NULL};
	char word[32], script[128];
	struct asked a;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root can become another user\n");
		return;
	}
	assert_int_equal(capabilities_keep(CAPABILITIES_SETUID | CAPABILITIES_SETGID | CAPABILITIES_KILL), 0);
	begin();
	assert_false(world.helper.isolates);
	script_is("echo said; exit 3", "exit code 3: said");
	script_is("kill -TERM $$", "exit code 143");
	script_is("test $(id -un) = nobody && grep -q ^CapPrm:.0000000000000000 /proc/self/status", "ok");
	ask_in("any", &a, 30000, found);
	UNTIL(a.ended);
	assert_non_null(strstr(a.why, "exit code 126: network namespace any: "));
	snprintf(script, sizeof script, "sleep %s & sleep %s; true", word_of(word, 6), word);
	shell(&a, 300, script);
	UNTIL(a.ended);
	assert_string_equal(a.why, "timeout");
	none_is_left(word);
	snprintf(script, sizeof script, "sleep %s >/dev/null 2>&1 & true", word);
	script_is(script, "ok");
	none_is_left(word);
	shell(&a, 600000, script);
	UNTIL(a.ended);
	snprintf(script, sizeof script, "sleep %s & sleep %s; true", word, word);
	shell(&a, 600000, script);
	UNTIL(processes(word) >= 3);
	exec_helper_stop(&world.helper);
	helper_reap(0);
	none_is_left(word);
	probe_attempt_cancel(a.attempt);
	world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(without_the_rights), cmocka_unit_test(without_namespaces)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
