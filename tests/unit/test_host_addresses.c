/* The host's addresses when the kernel does not tell them at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/rtnetlink.h>

#include "netlink/host_addresses.h"
#include "tests/unit/fakenetlink.h"

static struct {
	uint8_t last;  /* byte of the host's only address, 192.0.2.x */
	int refusal;   /* of the next question about addresses */
	size_t asked;  /* for all addresses, so often */
	size_t routes; /* so for routes */
} kernel;

static const struct nlmsghdr unasked;

static void put_address(const struct nlmsghdr *request, uint8_t last)
{
	struct nlmsghdr *nlh = fake_put(request, RTM_NEWADDR, NLM_F_MULTI);
	struct ifaddrmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof *msg);
	const uint8_t addr[] = {192, 0, 2, last};

	msg->ifa_family = AF_INET;
	msg->ifa_prefixlen = 24;
	mnl_attr_put(nlh, IFA_LOCAL, sizeof addr, addr);
}

static void put_route_to_a_pod(void)
{
	struct nlmsghdr *nlh = fake_put(&unasked, RTM_NEWROUTE, 0);
	struct rtmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof *msg);

	msg->rtm_family = AF_INET;
	msg->rtm_dst_len = 32;
	msg->rtm_table = RT_TABLE_MAIN;
	msg->rtm_type = RTN_UNICAST;
}

static int on_request(const struct nlmsghdr *request, size_t bytes)
{
	assert_int_equal(request->nlmsg_len, bytes);
	if (request->nlmsg_type == RTM_GETROUTE) {
		kernel.routes++;
	} else {
		kernel.asked++;
		put_address(request, kernel.last);
	}
	fake_end(request, NLMSG_DONE, request->nlmsg_type == RTM_GETADDR ? kernel.refusal : 0);
	kernel.refusal = 0;
	return 0;
}

static uint8_t last_byte(const struct hostaddr *h)
{
	size_t count;
	const struct addr *list = hostaddr_list(h, &count);

	assert_int_equal(count, 1);
	return list[0].bytes[3];
}

static struct hostaddr *opened(uint8_t last)
{
	const char *error = NULL;
	struct hostaddr *h;

	fake_forget();
	memset(&kernel, 0, sizeof kernel);
	kernel.last = last;
	h = hostaddr_open(&error);
	assert_non_null(h);
	assert_int_equal(last_byte(h), last);
	return h;
}

static void a_change_is_read(void **state)
{
	struct hostaddr *h = opened(1);

	(void)state;
	kernel.last = 2;
	put_address(&unasked, 2);
	assert_true(hostaddr_read(h));
	assert_int_equal(last_byte(h), 2);
	put_address(&unasked, 2); /* the same again, as when its lifetime is renewed */
	assert_false(hostaddr_read(h));
	hostaddr_close(h);
}

/* They come and go all day. */
static void routes_to_pods_are_not_worth_a_question(void **state)
{
	struct hostaddr *h = opened(1);

	(void)state;
	put_route_to_a_pod();
	assert_false(hostaddr_read(h));
	assert_int_equal(kernel.asked, 1);
	assert_int_equal(kernel.routes, 1);
	hostaddr_close(h);
}

static void lost_notifications_count_as_a_change(void **state)
{
	struct hostaddr *h = opened(1);

	(void)state;
	kernel.last = 2;
	fake_fail(ENOBUFS);
	assert_true(hostaddr_read(h));
	assert_int_equal(last_byte(h), 2);
	hostaddr_close(h);
}

static void a_change_that_cannot_be_read_is_not_forgotten(void **state)
{
	struct hostaddr *h = opened(1);

	(void)state;
	kernel.last = 2;
	kernel.refusal = -ENOMEM;
	put_address(&unasked, 2);
	assert_false(hostaddr_read(h));
	assert_int_equal(last_byte(h), 1);
	put_route_to_a_pod();
	assert_true(hostaddr_read(h));
	assert_int_equal(last_byte(h), 2);
	hostaddr_close(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_read),
		cmocka_unit_test(routes_to_pods_are_not_worth_a_question),
		cmocka_unit_test(lost_notifications_count_as_a_change),
		cmocka_unit_test(a_change_that_cannot_be_read_is_not_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
