/*
 * Tells the machines on a link which hardware address an address has now: gratuitous ARP (RFC 5227 3) and unsolicited
 * neighbour advertisements (RFC 4861 7.2.6). Only sends: it is the kernel that answers. The frames are pure; any
 * thread.
 */
#ifndef NETLINK_ANNOUNCEMENT_H
#define NETLINK_ANNOUNCEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define ANNOUNCEMENT_BYTES_MAX 72

/* What follows the Ethernet header. reply: some machines believe one form only. Returns its length. */
size_t announcement_arp(uint8_t out[ANNOUNCEMENT_BYTES_MAX], const struct addr *addr, const uint8_t mac[6], bool reply);
size_t announcement_neighbour(uint8_t out[ANNOUNCEMENT_BYTES_MAX], const struct addr *addr, const uint8_t mac[6]);

/* A packet socket that receives nothing. Needs CAP_NET_RAW, which may be given up behind this. -1 with errno set. */
int announcement_socket(void);
/* 0 or -errno. */
int announcement_send(int fd, uint32_t interface, const struct addr *addr, const uint8_t mac[6]);

#endif
