/*
 * Asking the kernel over any netlink socket, for a list or one thing: nf_tables, conntrack, addresses, routes. Any
 * thread; a socket belongs to one.
 */
#ifndef NETLINK_NETLINK_H
#define NETLINK_NETLINK_H

#include <stdbool.h>

#include <libmnl/libmnl.h>

/* NULL with errno set when that fails. flags: SOCK_NONBLOCK or 0. */
struct mnl_socket *netlink_open(int protocol, int flags);

/*
 * Gives the socket a high descriptor and frees the old one; where that fails, the socket stays as it is. The kernel
 * closes the files of a killed process from the highest descriptor down (task_work, since Linux 4.3), and closing an
 * inotify descriptor waits up to 20 ms: what ends with this socket ends without that wait.
 */
struct mnl_socket *netlink_close_first(struct mnl_socket *socket);

/* Sends one datagram; an interrupting signal is no error. 0 or -errno. */
int netlink_send(struct mnl_socket *socket, const void *data, size_t bytes);

struct netlink_list {
	struct mnl_socket *socket;
	struct nlmsghdr *request; /* NLM_F_REQUEST, with NLM_F_DUMP for a list; its sequence number is set here */
	/* MNL_CB_OK, MNL_CB_STOP behind a single answer, MNL_CB_ERROR (with errno; ECANCELED: the rest is not read, so
	 * the socket can only be closed) */
	mnl_cb_t each;
	void (*restart)(void *ctx); /* forgets what came; NULL when each can stand repetition */
	void *ctx;
	/* The kernel calls it an interruption when anything changed in this network namespace: not worth asking again.
	 */
	bool whatever_changes;
};

/*
 * Gives every answer to `each`. When the kernel says that the list changed while it was read, it is asked again, up to
 * a limit. 0 or -errno, also of the end of the list; -EINTR when it never came whole.
 */
int netlink_list(const struct netlink_list *list);

/*
 * The same piece by piece, without asking again: one datagram of the answer each. 1: more comes; 0: that was the end;
 * -errno: the rest is not read. Without an end the socket can only be closed.
 */
int netlink_list_begin(const struct netlink_list *list); /* 0 or -errno */
int netlink_list_step(const struct netlink_list *list);

#endif
