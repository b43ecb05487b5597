/* Asking the kernel for a list: what may come instead of one, and what may be left behind by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "netlink/netlink.h"
#include "tests/unit/fakenetlink.h"

static struct mnl_socket *sock;
static const char *const *answers; /* a text for each request, a letter for each datagram */
static size_t requests;

static void put(const struct nlmsghdr *request, char letter)
{
	switch (letter) {
	case 'm': /* a message of the list */
		fake_put(request, NLMSG_MIN_TYPE, NLM_F_MULTI);
		break;
	case 'i': /* the same, after a change of the list */
		fake_put(request, NLMSG_MIN_TYPE, NLM_F_MULTI | NLM_F_DUMP_INTR);
		break;
	case '.': /* its end */
		fake_end(request, NLMSG_DONE, 0);
		break;
	case 'x': /* an end before its time */
		fake_end(request, NLMSG_DONE, -ENOENT);
		break;
	case 'b': /* the list before is not at its end */
		fake_end(request, NLMSG_ERROR, -EBUSY);
		break;
	case 's': /* a signal */
		fake_fail(EINTR);
		break;
	default: /* the socket was full */
		fake_fail(ENOBUFS);
	}
}

static int on_request(const struct nlmsghdr *request, size_t bytes)
{
	assert_int_equal(request->nlmsg_len, bytes);
	for (const char *letter = answers[requests]; *letter != '\0'; letter++)
		put(request, *letter);
	requests++;
	return 0;
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
	const struct netlink_list list = {.socket = sock,
					  .request = mnl_nlmsg_put_header(room),
					  .each = each,
					  .restart = restart,
					  .whatever_changes = whatever_changes};

	heard = restarts = 0;
	return netlink_list(&list);
}

static void answer(const char *const *texts)
{
	answers = texts;
	requests = 0;
	fake_forget();
}

static void a_list_to_its_end(void **state)
{
	(void)state;
	answer((const char *const[]){"mmsm."});
	assert_int_equal(list_once(false), 0);
	assert_int_equal(heard, 3);
	assert_int_equal(requests, 1);
}

static void a_list_that_changed_is_asked_for_again(void **state)
{
	(void)state;
	answer((const char *const[]){"mim.", "im.", "mm."});
	assert_int_equal(list_once(false), 0);
	assert_int_equal(heard, 2);
	assert_int_equal(restarts, 2);
	assert_int_equal(requests, 3);
}

static void not_for_ever(void **state)
{
	const char *const changing[] = {"i.", "i.", "i.", "i.", "i.", "i.", "i.", "i.", "i.", "i.",
					"i.", "i.", "i.", "i.", "i.", "i.", "i.", "i.", "i.", "i."};

	(void)state;
	answer(changing);
	assert_int_equal(list_once(false), -EINTR);
	assert_in_range(requests, 2, sizeof changing / sizeof changing[0] - 1);
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

/* After an error the rest of that list comes all the same, and answers nothing. */
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
	sock = netlink_open(NETLINK_ROUTE, 0);
	return sock != NULL ? 0 : -1;
}

static int socket_close(void **state)
{
	(void)state;
	return mnl_socket_close(sock);
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
