/* Sends a netlink request and hands out the messages of the answer. */
#include "netlink/netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/attrs.h"

#define RECEIVE_BYTES 65536 /* the kernel fills answers up to 32 KiB when it sees room */
#define ATTEMPTS 16
#define CLOSED_FIRST_FD 1000 /* above those that a process has for good, below the usual limit of 1024 */

/* On the caller's stack: threads read their own sockets at the same time. */
struct receiver {
	const struct netlink_list *list;
	size_t bytes; /* of the last datagram */
	char buffer[RECEIVE_BYTES] __attribute__((aligned(8)));
};

struct mnl_socket *netlink_open(int protocol, int flags)
{
	struct mnl_socket *s = mnl_socket_open2(protocol, SOCK_CLOEXEC | flags);

	if (s == NULL || mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) == 0)
		return s;
	mnl_socket_close(s);
	return NULL;
}

struct mnl_socket *netlink_close_first(struct mnl_socket *socket)
{
	int fd = fcntl(mnl_socket_get_fd(socket), F_DUPFD_CLOEXEC, CLOSED_FIRST_FD);
	struct mnl_socket *moved = fd < 0 ? NULL : mnl_socket_fdopen(fd);

	if (moved != NULL) {
		mnl_socket_close(socket);
		return moved;
	}
	if (fd >= 0)
		close(fd);
	return socket;
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
static void drain(struct receiver *r)
{
	ssize_t got;

	do
		got = recv(mnl_socket_get_fd(r->list->socket), r->buffer, sizeof r->buffer, MSG_DONTWAIT);
	while (got > 0 || (got < 0 && (errno == EINTR || errno == ENOBUFS)));
}

static void forgive_interruption(struct receiver *r)
{
	struct messages list = {(const uint8_t *)r->buffer, r->bytes};
	const struct nlmsghdr *nlh;

	while ((nlh = messages_next(&list)) != NULL) {
		struct nlmsghdr *writable = (struct nlmsghdr *)(void *)(r->buffer + ((const char *)nlh - r->buffer));
		writable->nlmsg_flags &= (uint16_t)~NLM_F_DUMP_INTR;
	}
}

/* The kernel says at the end why there is not more; to libmnl every end is a good one. */
static int on_done(const struct nlmsghdr *nlh, void *ctx)
{
	int error = 0;

	(void)ctx;
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof error)
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof error);
	errno = -error;
	return error < 0 ? MNL_CB_ERROR : MNL_CB_STOP;
}

static int on_error(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(nlh);

	(void)ctx;
	errno = mnl_nlmsg_get_payload_len(nlh) < sizeof *answer ? EBADMSG : -answer->error;
	return errno != 0 ? MNL_CB_ERROR : MNL_CB_STOP; /* 0: what was asked for is done */
}

static int hand_out(struct receiver *r)
{
	mnl_cb_t control[] = {[NLMSG_ERROR] = on_error, [NLMSG_DONE] = on_done};
	const struct netlink_list *list = r->list;

	return mnl_cb_run2(r->buffer, r->bytes, list->request->nlmsg_seq, mnl_socket_get_portid(list->socket),
			   list->each, list->ctx, control, sizeof control / sizeof control[0]);
}

/* One datagram; its callbacks may have set errno. */
static int receive(struct receiver *r)
{
	ssize_t got;

	do
		got = recv(mnl_socket_get_fd(r->list->socket), r->buffer, sizeof r->buffer, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return MNL_CB_ERROR;
	r->bytes = (size_t)got;
	if (r->list->whatever_changes)
		forgive_interruption(r);
	return hand_out(r);
}

static int read_list(struct receiver *r)
{
	int result;

	do
		result = receive(r);
	while (result > MNL_CB_STOP);
	if (result == MNL_CB_STOP)
		return 0;
	result = -errno;
	if (result != -ECANCELED)
		drain(r);
	return result;
}

int netlink_list_begin(const struct netlink_list *list)
{
	static _Atomic uint32_t seq = 1u << 31; /* apart from the numbers of batches */

	list->request->nlmsg_seq = ++seq;
	return netlink_send(list->socket, list->request, list->request->nlmsg_len);
}

int netlink_list_step(const struct netlink_list *list)
{
	struct receiver r;

	r.list = list;
	int result = receive(&r);
	if (result > MNL_CB_STOP)
		return 1;
	return result == MNL_CB_STOP ? 0 : -errno;
}

int netlink_list(const struct netlink_list *list)
{
	struct receiver r;
	int error = -EINTR;

	r.list = list;
	for (int attempt = 0; attempt < ATTEMPTS && error == -EINTR; attempt++) {
		if (attempt > 0 && list->restart != NULL)
			list->restart(list->ctx);
		error = netlink_list_begin(list);
		if (error == 0)
			error = read_list(&r);
	}
	return error;
}
