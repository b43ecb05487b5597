/*
 * Does another machine on the link have this address? The kernel asks (ARP, neighbour solicitation), and keeps the
 * answer in its neighbour table, where it is read. socket: of NETLINK_ROUTE. Any thread; a socket belongs to one.
 */
#ifndef NETLINK_NEIGHBOUR_QUESTION_H
#define NETLINK_NEIGHBOUR_QUESTION_H

#include <stdint.h>

#include "base/addr.h"

#define MAC_BYTES 6
#define MAC_TEXT_BYTES 18

struct mnl_socket;

enum neighbour_answer {
	NEIGHBOUR_ASKED,  /* no answer yet */
	NEIGHBOUR_ABSENT, /* the kernel has given up */
	NEIGHBOUR_PRESENT,
};

/* What the kernel knew of the address is forgotten, unless an administrator said it. 0 or -errno. */
int neighbour_ask(struct mnl_socket *socket, uint32_t interface, const struct addr *addr);
/* mac: of the machine that has it; zeros where its link has none. An error counts as absent. */
enum neighbour_answer neighbour_answer(struct mnl_socket *socket, uint32_t interface, const struct addr *addr,
				       uint8_t mac[MAC_BYTES]);
/* The kernel stops asking. */
void neighbour_forget(struct mnl_socket *socket, uint32_t interface, const struct addr *addr);

const char *mac_format(const uint8_t mac[MAC_BYTES], char text[MAC_TEXT_BYTES]); /* returns text */

#endif
