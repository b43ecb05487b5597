/* The conntrack limits and time-outs that kube-proxy sets. */
#include "daemon/conntrack_limits.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/read_file.h"

#define MAX_PER_CORE 32768
#define MIN 131072
#define MAX_OF_ALL 1048576
#define NETFILTER "/proc/sys/net/netfilter/nf_conntrack_"
#define PATH_BYTES 512

int64_t conntrack_limits_max(const struct conntrack_limits *l, int64_t cpus)
{
	int64_t per_core = l->max_per_core >= 0 ? l->max_per_core : MAX_PER_CORE;
	int64_t least = l->min >= 0 ? l->min : MIN;

	if ((l->max_per_core < 0 && l->min < 0) || per_core == 0)
		return 0;
	int64_t most = per_core < MAX_OF_ALL ? per_core * cpus : MAX_OF_ALL;
	most = most > least ? most : least;
	return most < MAX_OF_ALL ? most : MAX_OF_ALL;
}

/* -1: it cannot be read. */
static int64_t read_number(const char *path)
{
	size_t length;
	char *text = read_file(path, 64, &length);
	int64_t value = text != NULL ? strtoll(text, NULL, 10) : -1;

	free(text);
	return value;
}

static bool write_number(const char *path, int64_t value)
{
	char text[32];
	int length = snprintf(text, sizeof text, "%" PRId64 "\n", value);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, (size_t)length) == length;
	int reason = errno;

	if (fd >= 0)
		close(fd);
	errno = reason;
	return ok;
}

static void set(const char *root, const char *file, int64_t value)
{
	char path[PATH_BYTES];

	snprintf(path, sizeof path, "%s%s", root, file);
	int64_t before = read_number(path);
	if (before == value)
		return;
	if (write_number(path, value))
		log_info("conntrack: %s is %" PRId64 " now, was %" PRId64, path, value, before);
	else
		log_warn("conntrack: %s stays %" PRId64 ", not %" PRId64 ": %s", path, before, value, strerror(errno));
}

/* The table, too, as kube-proxy; not by the module's parameter, which CAP_NET_ADMIN does not open. */
static void set_max(const char *root, int64_t max)
{
	char path[PATH_BYTES];

	if (max == 0)
		return;
	set(root, NETFILTER "max", max);
	snprintf(path, sizeof path, "%s%s", root, NETFILTER "buckets");
	if (read_number(path) < max / 4)
		set(root, NETFILTER "buckets", max / 4);
}

static void set_timeout(const char *root, const char *file, int64_t ms)
{
	if (ms > 0)
		set(root, file, ms / 1000 > 0 ? ms / 1000 : 1);
}

void conntrack_limits_apply(const struct conntrack_limits *l, const char *root, int64_t cpus)
{
	set_max(root, conntrack_limits_max(l, cpus));
	set_timeout(root, NETFILTER "tcp_timeout_established", l->tcp_established_ms);
	set_timeout(root, NETFILTER "tcp_timeout_close_wait", l->tcp_close_wait_ms);
	set_timeout(root, NETFILTER "udp_timeout", l->udp_ms);
	set_timeout(root, NETFILTER "udp_timeout_stream", l->udp_stream_ms);
	if (l->tcp_be_liberal)
		set(root, NETFILTER "tcp_be_liberal", 1);
}
