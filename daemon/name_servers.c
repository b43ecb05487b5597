/* Follows resolv.conf, for the name servers that the node needs. */
#include "daemon/name_servers.h"

#include "daemon/dispatch.h"

/* The second one has the servers where the first names the stub of systemd-resolved. */
static const char *const paths[] = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"};

#define PATHS (sizeof paths / sizeof *paths)

static void on_changed(void *ctx)
{
	struct daemon *d = ctx;

	if (!needs_name_servers_read(&d->needs, paths, PATHS))
		return;
	dispatch_node(d);
	daemon_turn(d);
}

void name_servers_follow(struct daemon *d)
{
	_Static_assert(sizeof d->resolv_conf / sizeof *d->resolv_conf == PATHS, "one for each path");

	for (size_t i = 0; i < PATHS; i++)
		followed_file_open(&d->resolv_conf[i], paths[i], d->loop, on_changed, d);
	needs_name_servers_read(&d->needs, paths, PATHS);
}

void name_servers_forget(struct daemon *d)
{
	for (size_t i = 0; i < PATHS; i++)
		followed_file_close(&d->resolv_conf[i]);
}
