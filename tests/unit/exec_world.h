/* Exec probes with the process that runs them, on a loop of the test: include after <cmocka.h>. */
#ifndef TESTS_EXEC_WORLD_H
#define TESTS_EXEC_WORLD_H

#include <dirent.h>
#include <ev.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/loop_until.h"
#include "watch/lab/exec_message.h"
#include "watch/lab/probe_exec.h"

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
	bool ended, success, none;
	char why[PROBE_WHY_BYTES];
};

static inline void begin(void)
{
	world.loop = ev_loop_new(EVFLAG_AUTO);
	exec_helper_start(&world.helper);
	world.exec = probe_exec_new(world.loop, &world.helper);
}

static inline void helper_reap(int expected)
{
	int status = 0;

	assert_int_equal(waitpid(world.helper.pid, &status, 0), world.helper.pid);
	assert_int_equal(status, expected);
}

static inline void world_end(void)
{
	probe_exec_free(world.exec);
	exec_helper_stop(&world.helper);
	ev_loop_destroy(world.loop);
}

static inline void end(void)
{
	world_end();
	helper_reap(0);
}

static inline void on_end(void *ctx, bool success, const char *why)
{
	struct asked *a = ctx;

	assert_false(a->ended);
	a->ended = true;
	a->success = success;
	snprintf(a->why, sizeof a->why, "%s", why);
}

static inline void on_none(void *ctx, const char *why)
{
	on_end(ctx, false, why);
	((struct asked *)ctx)->none = true;
}

#define UNTIL(condition) LOOP_UNTIL(world.loop, condition)

/* command: texts that end with a NULL. */
static inline void ask_in(const char *netns, struct asked *a, uint32_t timeout_ms, const char *const *command)
{
	const struct probe_request r = {.spec = &a->spec,
					.addr = {AF_INET, {10, 1, 0, 1}},
					.port = 8080,
					.end = on_end,
					.none = on_none,
					.ctx = a};

	*a = (struct asked){
		.spec = {.action = PROBE_EXEC, .timeout_ms = timeout_ms, .command = a->command, .netns = netns}};
	for (; command[a->spec.command_count] != NULL; a->spec.command_count++)
		a->command[a->spec.command_count] = command[a->spec.command_count];
	a->attempt = probe_exec_start(world.exec, &r);
}

static inline void ask(struct asked *a, uint32_t timeout_ms, const char *const *command)
{
	ask_in(NULL, a, timeout_ms, command);
}

static inline void shell(struct asked *a, uint32_t timeout_ms, const char *script)
{
	ask(a, timeout_ms, (const char *[]){"sh", "-c", script, NULL});
}

/* What is said of a script: "ok" of a success. */
static inline void script_is(const char *script, const char *expected)
{
	struct asked a;

	shell(&a, 30000, script);
	UNTIL(a.ended);
	assert_string_equal(a.success ? "ok" : a.why, expected);
}

/* Processes that have this word in their command line, of all users. */
static inline unsigned processes(const char *word)
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

static inline void none_is_left(const char *word)
{
	for (unsigned i = 0; i < 1000 && processes(word) != 0; i++)
		usleep(10000);
	assert_int_equal(processes(word), 0);
}

/* A number of seconds that no other program sleeps. */
static inline const char *word_of(char word[32], unsigned which)
{
	snprintf(word, 32, "9%05u.%d", which, (int)getpid());
	return word;
}

#endif
