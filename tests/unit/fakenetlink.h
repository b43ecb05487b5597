/*
 * For programs that are the kernel at the other end of their netlink sockets: what fake_put and fake_fail have queued
 * is what recv gives, in that order; on_request, which the program defines, sees what is sent.
 */
#ifndef TESTS_FAKENETLINK_H
#define TESTS_FAKENETLINK_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

#define FAKE_QUEUE 64
#define FAKE_MESSAGE_BYTES 512

static struct {
	size_t first, count;
	struct {
		int error; /* that recv fails with; 0: it gives the message */
		union {
			struct nlmsghdr header;
			char bytes[FAKE_MESSAGE_BYTES];
		} message;
	} queue[FAKE_QUEUE];
} fake;

/* 0, or the error that sending fails with. */
static int on_request(const struct nlmsghdr *request, size_t bytes);

static inline void fake_forget(void)
{
	fake.first = fake.count = 0;
}

static inline void fake_fail(int error)
{
	assert_in_range(fake.count, 0, FAKE_QUEUE - 1);
	fake.queue[fake.count++].error = error;
}

/* The next answer to that request, to be filled. */
static inline struct nlmsghdr *fake_put(const struct nlmsghdr *request, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh;

	fake_fail(0);
	nlh = mnl_nlmsg_put_header(fake.queue[fake.count - 1].message.bytes);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = request->nlmsg_seq;
	return nlh;
}

/* NLMSG_ERROR (0: all is well), or NLMSG_DONE. */
static inline void fake_end(const struct nlmsghdr *request, uint16_t type, int error)
{
	struct nlmsgerr answer = {.error = error};
	struct nlmsghdr *nlh = fake_put(request, type, 0);
	size_t bytes = type == NLMSG_ERROR ? sizeof answer : sizeof error; /* both begin with the error */

	memcpy(mnl_nlmsg_put_extra_header(nlh, bytes), &answer, bytes);
}

/* These two take the place of the libraries'. */
ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t bytes)
{
	(void)socket;
	errno = on_request(data, bytes);
	return errno == 0 ? (ssize_t)bytes : -1;
}

ssize_t recv(int fd, void *data, size_t room, int flags)
{
	const struct nlmsghdr *nlh = &fake.queue[fake.first].message.header;

	if (fake.first == fake.count) {
		/* else it would wait for ever */
		assert_true(flags & MSG_DONTWAIT || fcntl(fd, F_GETFL) & O_NONBLOCK);
		errno = EAGAIN;
		return -1;
	}
	errno = fake.queue[fake.first++].error;
	if (errno != 0)
		return -1;
	assert_in_range(nlh->nlmsg_len, 0, room);
	memcpy(data, nlh, nlh->nlmsg_len);
	return nlh->nlmsg_len;
}

#endif
