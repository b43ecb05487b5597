/* The size of the conntrack table, as kube-proxy computes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "daemon/conntrack_limits.h"
#include "tests/tempfolder.h"

static int64_t max_of(int64_t per_core, int64_t min, int64_t cpus)
{
	const struct conntrack_limits l = {.max_per_core = per_core, .min = min};

	return conntrack_limits_max(&l, cpus);
}

/* As getConntrackMax of kube-proxy, but for what is not given. */
static void the_most(void **state)
{
	(void)state;
	assert_int_equal(max_of(-1, -1, 8), 0);
	assert_int_equal(max_of(0, 131072, 8), 0);
	assert_int_equal(max_of(32768, 131072, 2), 131072);
	assert_int_equal(max_of(32768, 131072, 8), 262144);
	assert_int_equal(max_of(32768, -1, 2), 131072);
	assert_int_equal(max_of(-1, 200000, 2), 200000);
	assert_int_equal(max_of(-1, 0, 2), 65536);
	assert_int_equal(max_of(32768, 131072, 256), 1048576);
	assert_int_equal(max_of(1048576, 1048576, 1000000), 1048576);
}

static void file_put(const char *root, const char *file, const char *text)
{
	char path[256], command[768];

	snprintf(path, sizeof path, "%s%s", root, file);
	snprintf(command, sizeof command, "mkdir -p $(dirname %s) && echo %s >%s", path, text, path);
	assert_int_equal(system(command), 0);
}

static void expect(const char *root, const char *file, const char *text)
{
	char path[256], line[64] = "";

	snprintf(path, sizeof path, "%s%s", root, file);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof line, f));
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	assert_string_equal(line, text);
}

#define NET "/proc/sys/net/netfilter/nf_conntrack_"
#define HASH NET "buckets"

static void files(void **state)
{
	static const char *const names[] = {"max",	   "tcp_timeout_established", "tcp_timeout_close_wait",
					    "udp_timeout", "udp_timeout_stream",      "tcp_be_liberal"};
	struct conntrack_limits l = {.max_per_core = -1, .min = -1};
	char root[TEMPFOLDER_BYTES], file[128];

	(void)state;
	tempfolder_new(root, "conntrack");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(file, sizeof file, NET "%s", names[i]);
		file_put(root, file, "7");
	}
	file_put(root, HASH, "7");
	conntrack_limits_apply(&l, root, 8);
	expect(root, NET "max", "7");
	expect(root, NET "tcp_be_liberal", "7");
	l = (struct conntrack_limits){.max_per_core = 32768,
				      .min = -1,
				      .tcp_established_ms = 86400000,
				      .tcp_close_wait_ms = 3600000,
				      .udp_stream_ms = 120500,
				      .tcp_be_liberal = true};
	conntrack_limits_apply(&l, root, 8);
	expect(root, NET "max", "262144");
	expect(root, HASH, "65536");
	expect(root, NET "tcp_timeout_established", "86400");
	expect(root, NET "tcp_timeout_close_wait", "3600");
	expect(root, NET "udp_timeout", "7");
	expect(root, NET "udp_timeout_stream", "120");
	expect(root, NET "tcp_be_liberal", "1");
	/* A larger hash table stays. */
	file_put(root, HASH, "131072");
	conntrack_limits_apply(&l, root, 8);
	expect(root, HASH, "131072");
	tempfolder_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most),
		cmocka_unit_test(files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
