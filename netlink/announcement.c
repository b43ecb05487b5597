/* Gratuitous ARP and unsolicited neighbour advertisements. */
#include "netlink/announcement.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>

#define HOP_LIMIT 255 /* RFC 4861 7.1.2: others are dropped */

struct arp {
	struct arphdr head;
	uint8_t sender_mac[ETH_ALEN], sender[4], target_mac[ETH_ALEN], target[4];
} __attribute__((packed));

struct advertisement {
	struct ip6_hdr ip;
	struct nd_neighbor_advert icmp;
	struct nd_opt_hdr option;
	uint8_t mac[ETH_ALEN];
};
_Static_assert(sizeof(struct advertisement) == ANNOUNCEMENT_BYTES_MAX, "no padding");

static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};
static const uint8_t all_nodes_mac[ETH_ALEN] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t broadcast_mac[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

size_t announcement_arp(uint8_t out[ANNOUNCEMENT_BYTES_MAX], const struct addr *addr, const uint8_t mac[6], bool reply)
{
	struct arp arp = {.head = {.ar_hrd = htons(ARPHRD_ETHER),
				   .ar_pro = htons(ETH_P_IP),
				   .ar_hln = ETH_ALEN,
				   .ar_pln = 4,
				   .ar_op = htons(reply ? ARPOP_REPLY : ARPOP_REQUEST)}};

	memcpy(arp.sender_mac, mac, sizeof arp.sender_mac);
	memcpy(arp.sender, addr->bytes, sizeof arp.sender);
	memcpy(arp.target, addr->bytes, sizeof arp.target);
	if (reply)
		memcpy(arp.target_mac, mac, sizeof arp.target_mac);
	memcpy(out, &arp, sizeof arp);
	return sizeof arp;
}

/* RFC 1071 over the pseudo header of RFC 8200 8.1. */
static uint16_t checksum(const struct advertisement *a)
{
	const uint8_t *bytes = (const uint8_t *)a + offsetof(struct advertisement, ip.ip6_src);
	uint32_t sum = IPPROTO_ICMPV6 + sizeof *a - sizeof a->ip;

	for (size_t i = 0; i < sizeof *a - offsetof(struct advertisement, ip.ip6_src); i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum > UINT16_MAX)
		sum = (sum & UINT16_MAX) + (sum >> 16);
	return htons((uint16_t)~sum);
}

size_t announcement_neighbour(uint8_t out[ANNOUNCEMENT_BYTES_MAX], const struct addr *addr, const uint8_t mac[6])
{
	struct advertisement a = {
		.ip = {.ip6_flow = htonl(UINT32_C(6) << 28),
		       .ip6_plen = htons(sizeof a - sizeof a.ip),
		       .ip6_nxt = IPPROTO_ICMPV6,
		       .ip6_hlim = HOP_LIMIT},
		.icmp = {.nd_na_type = ND_NEIGHBOR_ADVERT, .nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE},
		.option = {.nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1}};

	memcpy(&a.ip.ip6_src, addr->bytes, sizeof a.ip.ip6_src);
	memcpy(&a.ip.ip6_dst, all_nodes, sizeof all_nodes);
	memcpy(&a.icmp.nd_na_target, addr->bytes, sizeof a.icmp.nd_na_target);
	memcpy(a.mac, mac, sizeof a.mac);
	a.icmp.nd_na_cksum = checksum(&a);
	memcpy(out, &a, sizeof a);
	return sizeof a;
}

int announcement_socket(void)
{
	return socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int frame_send(int fd, uint32_t interface, uint16_t protocol, const uint8_t *frame, size_t bytes)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(protocol),
				 .sll_ifindex = (int)interface,
				 .sll_halen = ETH_ALEN};
	ssize_t sent;

	memcpy(to.sll_addr, protocol == ETH_P_ARP ? broadcast_mac : all_nodes_mac, ETH_ALEN);
	do
		sent = sendto(fd, frame, bytes, 0, (const struct sockaddr *)&to, sizeof to);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int announcement_send(int fd, uint32_t interface, const struct addr *addr, const uint8_t mac[6])
{
	uint8_t frame[ANNOUNCEMENT_BYTES_MAX];

	if (addr->family == AF_INET6)
		return frame_send(fd, interface, ETH_P_IPV6, frame, announcement_neighbour(frame, addr, mac));
	int request = frame_send(fd, interface, ETH_P_ARP, frame, announcement_arp(frame, addr, mac, false));
	int reply = frame_send(fd, interface, ETH_P_ARP, frame, announcement_arp(frame, addr, mac, true));
	return request != 0 ? request : reply;
}
