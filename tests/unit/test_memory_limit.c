/* Memory limits as control groups, rlimits and the machine say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory_limit.h"
#include "tests/tempfolder.h"

#define MB (UINT64_C(1) << 20)
#define CGROUP2 "30 23 0:27 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
#define CGROUP1                                                                     \
	"31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"                         \
	"32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"               \
	"35 31 0:32 %s /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory\n" \
	"41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

static char root[TEMPFOLDER_BYTES];

static void put(const char *file, const char *text)
{
	char path[512], command[640];

	snprintf(path, sizeof path, "%s%s", root, file);
	snprintf(command, sizeof command, "mkdir -p '%.*s'", (int)(strrchr(path, '/') - path), path);
	assert_int_equal(system(command), 0);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	tempfolder_new(root, "memory");
	put("/proc/meminfo", "MemTotal:        1048576 kB\nMemFree:          100 kB\n");
	put("/proc/self/statm", "3000 2000 500 100 0 1000 0\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tempfolder_free(root);
	return 0;
}

static struct memory_limit found(void)
{
	struct memory_limit l;

	memory_limit_find(&l, root);
	return l;
}

static uint64_t used(const struct memory_limit *l)
{
	uint64_t bytes;

	assert_true(memory_limit_used(l, &bytes));
	return bytes;
}

static void assert_group(enum memory_source source, uint64_t limit_bytes, const char *folder)
{
	const struct memory_limit l = found();

	assert_int_equal(l.source, source);
	assert_int_equal(l.limit_bytes, limit_bytes);
	if (folder != NULL)
		assert_string_equal(l.folder + strlen(root), folder);
}

static void version_2(void **state)
{
	(void)state;
	put("/proc/self/cgroup", "0::/system.slice/fairlead.service\n");
	put("/proc/self/mountinfo", CGROUP2);
	put("/sys/fs/cgroup/system.slice/fairlead.service/memory.max", "268435456\n");
	put("/sys/fs/cgroup/system.slice/fairlead.service/memory.current", "104857600\n");
	put("/sys/fs/cgroup/system.slice/fairlead.service/memory.stat",
	    "anon 1\ninactive_file 4194304\nworkingset 0\n");
	assert_group(MEMORY_CGROUP2, 256 * MB, "/sys/fs/cgroup/system.slice/fairlead.service");
	const struct memory_limit l = found();
	assert_int_equal(used(&l), 96 * MB);
	assert_int_equal(memory_limit_target(&l), 224 * MB);
}

/* A limit of the pod above that of the container; what is said to be "max" is none. */
static void the_smallest_above_counts(void **state)
{
	(void)state;
	put("/proc/self/cgroup", "0::/pod/container\n");
	put("/proc/self/mountinfo", CGROUP2);
	put("/sys/fs/cgroup/pod/container/memory.max", "max\n");
	assert_group(MEMORY_MACHINE, 1024 * MB, "");
	put("/sys/fs/cgroup/pod/memory.max", "134217728\n");
	assert_group(MEMORY_CGROUP2, 128 * MB, "/sys/fs/cgroup/pod");
	put("/sys/fs/cgroup/pod/container/memory.max", "67108864\n");
	assert_group(MEMORY_CGROUP2, 64 * MB, "/sys/fs/cgroup/pod/container");
}

/* As in a container with a namespace of groups: "/" is its own, or a path leads out of what is visible. */
static void namespaces(void **state)
{
	(void)state;
	put("/proc/self/cgroup", "0::/\n");
	put("/proc/self/mountinfo", CGROUP2);
	put("/sys/fs/cgroup/memory.max", "134217728\n");
	assert_group(MEMORY_CGROUP2, 128 * MB, "/sys/fs/cgroup");
	put("/proc/self/cgroup", "0::/../other\n");
	assert_group(MEMORY_CGROUP2, 128 * MB, "/sys/fs/cgroup");
}

static void version_1(void **state)
{
	char mounts[512];

	(void)state;
	snprintf(mounts, sizeof mounts, CGROUP1, "/");
	put("/proc/self/cgroup", "9:name=systemd:/\n4:cpu,memory:/kubepods/a\n1:cpuset:/b\n0::/\n");
	put("/proc/self/mountinfo", mounts);
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/kubepods/a/memory.limit_in_bytes", "268435456\n");
	put("/sys/fs/cgroup/memory/kubepods/a/memory.usage_in_bytes", "104857600\n");
	put("/sys/fs/cgroup/memory/kubepods/a/memory.stat", "inactive_file 1\ntotal_inactive_file 4194304\n");
	assert_group(MEMORY_CGROUP1, 256 * MB, "/sys/fs/cgroup/memory/kubepods/a");
	const struct memory_limit l = found();
	assert_int_equal(used(&l), 96 * MB);
	/* mounted into the container */
	snprintf(mounts, sizeof mounts, CGROUP1, "/kubepods/a");
	put("/proc/self/mountinfo", mounts);
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n");
	assert_group(MEMORY_CGROUP1, 128 * MB, "/sys/fs/cgroup/memory");
}

static void no_limit(void **state)
{
	const struct memory_limit none = {0};

	(void)state;
	assert_group(MEMORY_MACHINE, 1024 * MB, "");
	const struct memory_limit l = found();
	assert_int_equal(memory_limit_target(&l), 512 * MB);
	assert_int_equal(used(&l), 2000 * (uint64_t)sysconf(_SC_PAGESIZE));
	assert_int_equal(memory_limit_target(&none), 0);
}

static void small_limits(void **state)
{
	const struct memory_limit small = {.source = MEMORY_CGROUP2, .limit_bytes = 64 * MB};
	const struct memory_limit tiny = {.source = MEMORY_CGROUP2, .limit_bytes = 32 * MB};

	(void)state;
	assert_int_equal(memory_limit_target(&small), 40 * MB);
	assert_int_equal(memory_limit_target(&tiny), 16 * MB);
}

/* In a process of its own, for the limit is this one's. */
static void limit_of_data(void **state)
{
	const struct rlimit data = {64 * MB, 64 * MB};
	int status;

	(void)state;
	pid_t child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_DATA, &data);
		const struct memory_limit l = found();
		uint64_t bytes = 0;
		_exit(l.source == MEMORY_RLIMIT && l.limit_bytes == 64 * MB && memory_limit_used(&l, &bytes) &&
				      bytes == 1000 * (uint64_t)sysconf(_SC_PAGESIZE)
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Whatever this machine has. */
static void real_files(void **state)
{
	struct memory_limit l;
	uint64_t bytes;

	(void)state;
	memory_limit_find(&l, "");
	assert_true(l.limit_bytes > 0);
	assert_true(memory_limit_used(&l, &bytes));
	assert_true(bytes > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(version_2, setup, teardown),
		cmocka_unit_test_setup_teardown(the_smallest_above_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(namespaces, setup, teardown),
		cmocka_unit_test_setup_teardown(version_1, setup, teardown),
		cmocka_unit_test_setup_teardown(no_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(small_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(limit_of_data, setup, teardown),
		cmocka_unit_test_setup_teardown(real_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
