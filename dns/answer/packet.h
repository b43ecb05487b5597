/* A query as it came, and where a reply that is made later goes. */
#ifndef DNS_ANSWER_PACKET_H
#define DNS_ANSWER_PACKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum respond_proto { RESPOND_UDP, RESPOND_TCP, RESPOND_PROTOS };

struct packet {
	const uint8_t *bytes;
	size_t length;
	const struct sockaddr *from;
	enum respond_proto proto;
};

/* Where a later reply goes: the forwarder sends it. */
struct dns_client {
	int fd;	    /* UDP */
	void *conn; /* TCP */
	const void *control;
	size_t control_bytes;
};

#endif
