/* Speaks systemd's two protocols about descriptors. */
#include "daemon/fd_store.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd_message.h"
#include "base/inherited.h"
#include "base/log.h"
#include "daemon/notify.h"

#define FIRST_FD 3
#define BARRIER_MS 200
#define STORE "FDSTORE=1\nFDNAME=listening\nFDPOLL=0"

size_t fd_store_take(int *fds, size_t room)
{
	const char *pid = getenv("LISTEN_PID"), *text = getenv("LISTEN_FDS");
	const bool ours = pid != NULL && text != NULL && strtol(pid, NULL, 10) == getpid();
	const long given = ours ? strtol(text, NULL, 10) : 0;
	size_t count = 0;

	/* They stand side by side: where none is, the count is wrong. */
	while ((long)count < given && count < room && fcntl(FIRST_FD + (int)count, F_SETFD, FD_CLOEXEC) == 0) {
		fds[count] = FIRST_FD + (int)count;
		count++;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return count;
}

/* It closes its end when it has come to this message. */
static void wait_for_it(int notify)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	struct pollfd closed = {.fd = ends[0]};
	const bool sent = fd_message_send(notify, "BARRIER=1", &ends[1], 1);
	close(ends[1]);
	if (sent)
		poll(&closed, 1, BARRIER_MS);
	close(ends[0]);
}

void fd_store_give(void)
{
	int fds[INHERITED_MAX];
	int notify = notify_connect();
	bool sent = true;

	if (notify < 0)
		return;
	const size_t count = inherited_copies(fds, INHERITED_MAX);
	for (size_t at = 0; at < count; at += FD_MESSAGE_FDS_MAX) {
		const size_t left = count - at;
		sent = sent &&
		       fd_message_send(notify, STORE, fds + at, left < FD_MESSAGE_FDS_MAX ? left : FD_MESSAGE_FDS_MAX);
	}
	if (!sent)
		log_warn("systemd: sockets are not stored: %s", strerror(errno));
	else if (count > 0)
		wait_for_it(notify);
	if (sent && count > 0)
		inherited_set_shared();
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	close(notify);
}
