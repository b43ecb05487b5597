/* Asking the kernel for a list: what may come instead of one, and what may be left behind by it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "nft/netlink.h"

#define QUEUE 64

static struct {
	struct mnl_socket *socket;
	const char *const *answers; /* a text for each request, a letter for each datagram: see recv below */
	size_t sent, first, count;
	struct {
		char letter;
		uint32_t seq;
	} queue[QUEUE];
} kernel;

/* These two take the place of the libraries'. */
ssize_t mnl_socket_sendto(const struct mnl_socket *socket, const void *data, size_t bytes)
{
	const struct nlmsghdr *request = data;

	(void)socket;
	for (const char *letter = kernel.answers[kernel.sent]; *letter != '\0'; letter++) {
		kernel.queue[kernel.count].letter = *letter;
		kernel.queue[kernel.count++].seq = request->nlmsg_seq;
	}
	kernel.sent++;
	return (ssize_t)bytes;
}

static ssize_t write_message(void *data, uint16_t type, uint16_t flags, int error)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(data);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = kernel.queue[kernel.first++].seq;
	nlh->nlmsg_pid = mnl_socket_get_portid(kernel.socket);
	if (type == NLMSG_DONE)
		*(int *)mnl_nlmsg_put_extra_header(nlh, sizeof error) = error;
	if (type == NLMSG_ERROR)
		((struct nlmsgerr *)mnl_nlmsg_put_extra_header(nlh, sizeof(struct nlmsgerr)))->error = error;
	return (ssize_t)nlh->nlmsg_len;
}

static ssize_t failing(int error)
{
	kernel.first += kernel.first < kernel.count;
	errno = error;
	return -1;
}

ssize_t recv(int fd, void *data, size_t room, int flags)
{
	(void)fd, (void)room;
	switch (kernel.first < kernel.count ? kernel.queue[kernel.first].letter : '\0') {
	case 'm': /* a message of the list */
		return write_message(data, NLMSG_MIN_TYPE, NLM_F_MULTI, 0);
	case 'i': /* the same, after a change of the list */
		return write_message(data, NLMSG_MIN_TYPE, NLM_F_MULTI | NLM_F_DUMP_INTR, 0);
	case '.': /* its end */
		return write_message(data, NLMSG_DONE, NLM_F_MULTI, 0);
	case 'x': /* an end before its time */
		return write_message(data, NLMSG_DONE, NLM_F_MULTI, -ENOENT);
	case 'b': /* the list before is not at its end */
		return write_message(data, NLMSG_ERROR, 0, -EBUSY);
	case 's': /* a signal */
		return failing(EINTR);
	case 'f': /* the socket was full */
		return failing(ENOBUFS);
	default:
		assert_true(flags & MSG_DONTWAIT); /* else it would wait for ever */
		return failing(EAGAIN);
	}
}

static size_t heard, restarts;

static int each(const struct nlmsghdr *nlh, void *ctx)
{
	(void)nlh, (void)ctx;
	heard++;
	return MNL_CB_OK;
}

static void restart(void *ctx)
{
	(void)ctx;
	heard = 0;
	restarts++;
}

static int list_once(bool whatever_changes)
{
	char room[64] __attribute__((aligned(8)));
	const struct netlink_list list = {.socket = kernel.socket,
					  .request = mnl_nlmsg_put_header(room),
					  .each = each,
					  .restart = restart,
					  .whatever_changes = whatever_changes};

	heard = restarts = 0;
	return netlink_list(&list);
}

static void answer(const char *const *answers)
{
	kernel.answers = answers;
	kernel.sent = kernel.first = kernel.count = 0;
}

static void a_list_to_its_end(void **state)
{
	(void)state;
	answer((const char *const[]){"mmsm."});
	assert_int_equal(list_once(false), 0);
	assert_int_equal(heard, 3);
	assert_int_equal(kernel.sent, 1);
}

static void a_list_that_changed_is_asked_for_again(void **state)
{
	(void)state;
	answer((const char *const[]){"mim.", "im.", "mm."});
	assert_int_equal(list_once(false), 0);
	assert_int_equal(heard, 2);
	assert_int_equal(restarts, 2);
	assert_int_equal(kernel.sent, 3);
}

static void not_for_ever(void **state)
{
	const char *const changing[] = {"i.", "i.", "i.", "i.", "i.", "i.", "i.", "i.", "i.", "i.",
					"i.", "i.", "i.", "i.", "i.", "i.", "i.", "i.", "i.", "i."};

	(void)state;
	answer(changing);
	assert_int_equal(list_once(false), -EINTR);
	assert_in_range(kernel.sent, 2, sizeof changing / sizeof changing[0] - 1);
}

static void not_when_changes_do_not_matter(void **state)
{
	(void)state;
	answer((const char *const[]){"mim."});
	assert_int_equal(list_once(true), 0);
	assert_int_equal(heard, 3);
	assert_int_equal(restarts, 0);
}

/* What was listed went away meanwhile: half a list must not pass for a whole one. */
static void an_end_before_its_time_is_an_error(void **state)
{
	(void)state;
	answer((const char *const[]){"mmx"});
	assert_int_equal(list_once(false), -ENOENT);
}

/* After an error the rest of that list comes all the same, and is nobody's answer. */
static void nothing_is_left_for_the_next(void **state)
{
	(void)state;
	answer((const char *const[]){"mfmsfm.", "m.", "bmm.", "mm."});
	assert_int_equal(list_once(false), -ENOBUFS);
	assert_int_equal(list_once(false), 0);
	assert_int_equal(heard, 1);
	assert_int_equal(list_once(false), -EBUSY);
	assert_int_equal(list_once(false), 0);
	assert_int_equal(heard, 2);
}

static int socket_open(void **state)
{
	(void)state;
	kernel.socket = netlink_open(NETLINK_ROUTE, 0);
	return kernel.socket != NULL ? 0 : -1;
}

static int socket_close(void **state)
{
	(void)state;
	return mnl_socket_close(kernel.socket);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_to_its_end),
		cmocka_unit_test(a_list_that_changed_is_asked_for_again),
		cmocka_unit_test(not_for_ever),
		cmocka_unit_test(not_when_changes_do_not_matter),
		cmocka_unit_test(an_end_before_its_time_is_an_error),
		cmocka_unit_test(nothing_is_left_for_the_next),
	};

	return cmocka_run_group_tests(tests, socket_open, socket_close);
}
