/*
 * The daemon with a DNS worker that is not its own master any more: a query for a name that begins with "unshare" makes
 * it call what only an intruder calls, one that begins with "makesock" what its list does not have.
 */
#include "cli/main.c"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

static void told(const struct mmsghdr *message)
{
	const char *label = (const char *)message->msg_hdr.msg_iov->iov_base + 13; /* behind the header and a length */

	if (message->msg_len < 13 + 8)
		return;
	if (memcmp(label, "unshare", 7) == 0)
		syscall(SYS_unshare, CLONE_NEWNS);
	if (memcmp(label, "makesock", 8) == 0) {
		int made = socket(AF_INET, SOCK_DGRAM, 0);
		log_notice("the worker makes a socket: %s", made >= 0 ? "it can" : strerror(errno));
	}
}

/* Takes the place of the C library's. */
int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *limit)
{
	int received = (int)syscall(SYS_recvmmsg, fd, messages, count, flags, limit);

	for (int i = 0; i < received; i++)
		told(&messages[i]);
	return received;
}
