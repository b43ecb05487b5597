/* Which files may be opened once the daemon runs: each case in a process of its own, since it cannot be undone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/rights.h"
#include "tests/tempfolder.h"

#define NO_LANDLOCK 200

static char root[TEMPFOLDER_BYTES];
static int to_test[2], to_limited[2];
static bool landlock = true;

/* Borrowed until eight more are made. */
static char *in(const char *name)
{
	static char paths[8][TEMPFOLDER_BYTES + 64];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", root, name);
	return path;
}

static void put(const char *name)
{
	FILE *f = fopen(in(name), "w");

	assert_non_null(f);
	fputs("text", f);
	fclose(f);
}

/* 0 or an errno. */
static int opened(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int replaced(const char *from, const char *to)
{
	return rename(from, to) == 0 ? 0 : errno;
}

/* Each case: 0, or the number of the line that is wrong. */
#define EXPECT(expression, wanted)                 \
	do {                                       \
		if ((expression) != (wanted))      \
			return __LINE__ % 199 + 1; \
	} while (0)

static int api_source(void)
{
	EXPECT(opened(in("other/secret"), O_RDONLY), EACCES);
	EXPECT(opened(in("tokens/token"), O_RDONLY), 0);
	EXPECT(opened(in("tokens/token"), O_WRONLY), EACCES);
	EXPECT(opened("/etc/passwd", O_RDONLY), 0);
	EXPECT(opened("/proc/self/status", O_RDONLY), 0);
	EXPECT(opened(in("state/new"), O_RDWR | O_CREAT), 0);
	EXPECT(replaced(in("state/new"), in("state/objects")), 0);
	EXPECT(opened(in("state/objects"), O_RDWR | O_TRUNC), 0);
	EXPECT(unlink(in("state/objects")), 0);
	EXPECT(opened(in("run/new"), O_RDWR | O_CREAT), 0);
	EXPECT(opened(in("other/new"), O_RDWR | O_CREAT), EACCES);
	EXPECT(unlink(in("other/secret")) != 0 && errno == EACCES, true);
	execl("/bin/true", "true", NULL);
	EXPECT(errno, EACCES);
	return 0;
}

/* As kubelet replaces the files of a projected volume: ..data leads to a new folder. */
static int token_rotated(void)
{
	char byte;

	if (write(to_test[1], "r", 1) != 1 || read(to_limited[0], &byte, 1) != 1)
		return 198;
	EXPECT(opened(in("volume/token"), O_RDONLY), 0);
	EXPECT(opened(in("volume/..new/token"), O_RDONLY), 0);
	return 0;
}

static void rotate(void)
{
	char byte;

	assert_int_equal(read(to_test[0], &byte, 1), 1);
	assert_int_equal(mkdir(in("volume/..new"), 0755), 0);
	put("volume/..new/token");
	assert_int_equal(symlink("..new", in("volume/..data_tmp")), 0);
	assert_int_equal(rename(in("volume/..data_tmp"), in("volume/..data")), 0);
	assert_int_equal(write(to_limited[1], "r", 1), 1);
}

static int manifest_source(void)
{
	EXPECT(opened(in("manifests/link"), O_RDONLY), 0);
	EXPECT(opened(in("other/secret"), O_RDONLY), 0);
	EXPECT(opened(in("manifests/link"), O_WRONLY), EACCES);
	EXPECT(opened(in("manifests/new"), O_RDWR | O_CREAT), EACCES);
	EXPECT(opened(in("state/new"), O_RDWR | O_CREAT), 0);
	return 0;
}

/* meanwhile: what the test does outside, NULL: nothing. */
static void run_limited(const struct config *config, const struct credentials *credentials, void (*meanwhile)(void),
			int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		_exit(rights_files_limit(config, credentials) == 0 ? NO_LANDLOCK : body());
	}
	if (meanwhile != NULL && landlock)
		meanwhile();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_LANDLOCK) {
		print_message("skipped: this kernel has no Landlock\n");
		landlock = false;
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static struct config config_of(const char *manifests)
{
	return (struct config){.manifests = manifests,
			       .control = mem_strdup(in("run/control.sock")),
			       .state_dir = mem_strdup(in("state"))};
}

static void config_free(struct config *c)
{
	free((void *)(uintptr_t)c->control);
	free((void *)(uintptr_t)c->state_dir);
}

static void test_files_of_an_api_server(void **state)
{
	struct config config = config_of(NULL);
	const struct credentials credentials = {.token_file = in("tokens/token")};

	(void)state;
	run_limited(&config, &credentials, NULL, api_source);
	config_free(&config);
}

static void test_a_token_that_rotates(void **state)
{
	struct config config = config_of(NULL);
	const struct credentials credentials = {.token_file = in("volume/token")};

	(void)state;
	run_limited(&config, &credentials, rotate, token_rotated);
	config_free(&config);
}

static void test_files_of_manifests(void **state)
{
	struct config config = config_of(in("manifests"));
	const struct credentials credentials = {0};

	(void)state;
	run_limited(&config, &credentials, NULL, manifest_source);
	config_free(&config);
}

static int prepare(void **state)
{
	static const char *const folders[] = {"other", "tokens", "run", "manifests", "volume", "volume/..old"};

	(void)state;
	tempfolder_new(root, "rights");
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		assert_int_equal(mkdir(in(folders[i]), 0755), 0);
	put("other/secret");
	put("tokens/token");
	put("volume/..old/token");
	assert_int_equal(symlink("..old", in("volume/..data")), 0);
	assert_int_equal(symlink("..data/token", in("volume/token")), 0);
	assert_int_equal(symlink("../other/secret", in("manifests/link")), 0);
	assert_int_equal(pipe(to_test), 0);
	assert_int_equal(pipe(to_limited), 0);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	tempfolder_free(root);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_of_an_api_server),
		cmocka_unit_test(test_files_of_manifests),
		cmocka_unit_test(test_a_token_that_rotates),
	};

	return cmocka_run_group_tests(tests, prepare, clean);
}
