/*
 * The whole daemon, on a kernel that takes its time over conntrack: while the first byte of the file $FAIRLEAD_HOLD is
 * not 0, no dump of it is answered. The second byte becomes 1 when one waits. The file is mapped before threads give up
 * their right to open files.
 */
#include "cli/main.c"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define LOOK_US 5000

static struct {
	atomic_uchar hold, asked;
} * file; /* NULL: nothing holds */

static void __attribute__((constructor)) file_map(void)
{
	const char *path = getenv("FAIRLEAD_HOLD");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	file = mmap(NULL, sizeof *file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
}

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
	while (file != NULL && file->hold != 0) {
		file->asked = 1;
		usleep(LOOK_US);
	}
}

/* …and of the C library's. */
ssize_t recv(int fd, void *data, size_t room, int flags)
{
	if (fd == dumping)
		hold();
	return recvfrom(fd, data, room, flags, NULL, NULL);
}
