/* One interface with its networks, as the kernel tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>

#include "netlink/lan_interface.h"
#include "netlink/netlink.h"
#include "tests/unit/fakenetlink.h"

#define INDEX 7

static struct {
	int missing; /* errno of the question for the link */
	unsigned flags;
	unsigned short type;
	uint32_t master;
} kernel;

static void put_link(const struct nlmsghdr *request)
{
	struct nlmsghdr *nlh = fake_put(request, RTM_NEWLINK, 0);
	struct ifinfomsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof *msg);
	const uint8_t mac[] = {2, 0, 0, 0, 0, 9};

	*msg = (struct ifinfomsg){.ifi_index = INDEX, .ifi_flags = kernel.flags, .ifi_type = kernel.type};
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof mac, mac);
	if (kernel.master != 0)
		mnl_attr_put_u32(nlh, IFLA_MASTER, kernel.master);
}

static void put_address(const struct nlmsghdr *request, uint32_t interface, uint8_t net, uint8_t last, uint8_t prefix,
			uint8_t scope, uint8_t flags)
{
	struct nlmsghdr *nlh = fake_put(request, RTM_NEWADDR, NLM_F_MULTI);
	struct ifaddrmsg *msg = mnl_nlmsg_put_extra_header(nlh, sizeof *msg);
	const uint8_t addr[] = {192, 0, net, last};

	*msg = (struct ifaddrmsg){.ifa_family = AF_INET,
				  .ifa_prefixlen = prefix,
				  .ifa_index = interface,
				  .ifa_scope = scope,
				  .ifa_flags = flags};
	mnl_attr_put(nlh, IFA_LOCAL, sizeof addr, addr);
}

static int on_request(const struct nlmsghdr *request, size_t bytes)
{
	assert_int_equal(request->nlmsg_len, bytes);
	if (request->nlmsg_type == RTM_GETLINK && kernel.missing != 0) {
		fake_end(request, NLMSG_ERROR, -kernel.missing);
	} else if (request->nlmsg_type == RTM_GETLINK) {
		put_link(request);
	} else {
		put_address(request, INDEX, 2, 1, 24, RT_SCOPE_UNIVERSE, 0);
		put_address(request, INDEX, 2, 9, 24, RT_SCOPE_UNIVERSE, 0);		   /* the same network */
		put_address(request, INDEX, 3, 1, 32, RT_SCOPE_UNIVERSE, 0);		   /* a single address */
		put_address(request, INDEX, 4, 1, 24, RT_SCOPE_LINK, 0);		   /* not global */
		put_address(request, INDEX, 5, 1, 24, RT_SCOPE_UNIVERSE, IFA_F_TENTATIVE); /* not ours yet */
		put_address(request, INDEX + 1, 6, 1, 24, RT_SCOPE_UNIVERSE, 0);	   /* another interface */
		put_address(request, INDEX, 7, 129, 25, RT_SCOPE_UNIVERSE, 0);
		fake_end(request, NLMSG_DONE, 0);
	}
	return 0;
}

static int read_lan(struct lan_interface *lan)
{
	struct mnl_socket *socket = netlink_open(NETLINK_ROUTE, 0);

	fake_forget();
	assert_non_null(socket);
	int error = lan_interface_read(socket, "eth0", lan);
	mnl_socket_close(socket);
	return error;
}

static void networks(void **state)
{
	struct lan_interface lan;
	char text[CIDR_TEXT_BYTES];

	(void)state;
	kernel.missing = 0;
	kernel.flags = IFF_UP | IFF_LOWER_UP;
	kernel.type = ARPHRD_ETHER;
	assert_int_equal(read_lan(&lan), 0);
	assert_int_equal(lan.link.interface, INDEX);
	assert_true(lan.link.up && lan.link.carrier && lan.link.ethernet && lan.link.master == 0);
	assert_int_equal(lan.link.mac[5], 9);
	assert_int_equal(lan.network_count, 2);
	assert_string_equal(cidr_format(&lan.networks[0], text), "192.0.2.0/24");
	assert_string_equal(cidr_format(&lan.networks[1], text), "192.0.7.128/25");
}

static void of_little_use(void **state)
{
	struct lan_interface lan;

	(void)state;
	kernel.flags = 0;
	kernel.master = 3;
	assert_int_equal(read_lan(&lan), 0);
	assert_false(lan.link.up || lan.link.carrier);
	assert_int_equal(lan.link.master, 3);
	kernel.flags = IFF_NOARP;
	assert_int_equal(read_lan(&lan), 0);
	assert_false(lan.link.ethernet);
	kernel.flags = 0;
	kernel.type = ARPHRD_NONE;
	assert_int_equal(read_lan(&lan), 0);
	assert_false(lan.link.ethernet);
}

static void missing(void **state)
{
	struct lan_interface lan;

	(void)state;
	kernel.missing = ENODEV;
	assert_int_equal(read_lan(&lan), 0);
	assert_int_equal(lan.link.interface, 0);
	assert_int_equal(lan.network_count, 0);
	kernel.missing = EPERM;
	assert_int_equal(read_lan(&lan), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks),
		cmocka_unit_test(of_little_use),
		cmocka_unit_test(missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
