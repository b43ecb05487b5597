/*
 * The whole daemon, on a kernel that takes its time over conntrack: while the file $FAIRLEAD_HOLD exists, no dump of it
 * is answered. $FAIRLEAD_HOLD.asked comes into being when one waits.
 */
#include "cli/main.c"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define LOOK_US 5000

static _Atomic int dumping = -1; /* the socket that asked for conntrack */

/* Takes the place of libmnl's. */
ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t bytes)
{
	const struct nlmsghdr *nlh = data;
	const int fd = mnl_socket_get_fd(socket);

	if (nlh->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET) && (nlh->nlmsg_flags & NLM_F_DUMP) != 0)
		dumping = fd;
	else if (dumping == fd)
		dumping = -1;
	return send(fd, data, bytes, 0);
}

static void hold(void)
{
	const char *path = getenv("FAIRLEAD_HOLD");
	char asked[4096];

	if (path == NULL || access(path, F_OK) != 0)
		return;
	snprintf(asked, sizeof asked, "%s.asked", path);
	close(open(asked, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	while (access(path, F_OK) == 0)
		usleep(LOOK_US);
}

/* …and of the C library's. */
ssize_t recv(int fd, void *data, size_t room, int flags)
{
	if (fd == dumping)
		hold();
	return recvfrom(fd, data, room, flags, NULL, NULL);
}
