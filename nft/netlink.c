#include "nft/netlink.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

#include "nft/attrs.h"

#define RECEIVE_BYTES 65536 /* the kernel fills answers up to 32 KiB when it sees room */
#define ATTEMPTS 16

static char buffer[RECEIVE_BYTES] __attribute__((aligned(8)));

struct mnl_socket *netlink_open(int protocol, int flags)
{
	struct mnl_socket *s = mnl_socket_open2(protocol, SOCK_CLOEXEC | flags);

	if (s == NULL || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0)
		return s;
	mnl_socket_close(s);
	return NULL;
}

int netlink_send(struct mnl_socket *socket, const void *data, size_t bytes)
{
	ssize_t sent;

	do
		sent = mnl_socket_sendto(socket, data, bytes);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* After an error the rest of that list still comes: read it off, else it is taken for the next one's. */
static void drain(struct mnl_socket *socket)
{
	ssize_t got;

	do
		got = recv(mnl_socket_get_fd(socket), buffer, sizeof buffer, MSG_DONTWAIT);
	while (got > 0 || (got < 0 && errno == EINTR));
}

static void forgive_interruption(size_t bytes)
{
	struct messages list = {(const uint8_t *)buffer, bytes};
	const struct nlmsghdr *nlh;

	while ((nlh = messages_next(&list)) != NULL) {
		struct nlmsghdr *writable = (struct nlmsghdr *)(void *)(buffer + ((const char *)nlh - buffer));
		writable->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
	}
}

static int read_list(const struct netlink_list *list)
{
	int result = MNL_CB_OK;

	while (result > MNL_CB_STOP) {
		ssize_t got = recv(mnl_socket_get_fd(list->socket), buffer, sizeof buffer, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got > 0 && list->whatever_changes)
			forgive_interruption((size_t)got);
		result = got < 0 ? MNL_CB_ERROR
				 : mnl_cb_run(buffer, (size_t)got, list->request->nlmsg_seq,
					      mnl_socket_get_portid(list->socket), list->each, list->ctx);
	}
	if (result == MNL_CB_STOP)
		return 0;
	result = -errno;
	drain(list->socket);
	return result;
}

int netlink_list(const struct netlink_list *list)
{
	static uint32_t seq = 1u << 31; /* apart from the numbers of batches */
	int error = -EINTR;

	for (int attempt = 0; attempt < ATTEMPTS && error == -EINTR; attempt++) {
		if (attempt > 0 && list->restart != NULL)
			list->restart(list->ctx);
		list->request->nlmsg_seq = ++seq;
		error = netlink_send(list->socket, list->request, list->request->nlmsg_len);
		if (error == 0)
			error = read_list(list);
	}
	return error;
}
