/*
 * The least a UDP DNS responder can do: receive one query, append one fixed address record, send it back.
 *
 *   bare ADDR:PORT
 */
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/log.h"

int main(int argc, char **argv)
{
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 11, 0, 0, 1};
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct addr addr;
	uint16_t port = 53;
	uint8_t message[2048];

	if (argc != 2 || !addr_port_parse(&addr, &port, argv[1]))
		fatalx("usage: bare ADDR:PORT");
	to.sin_port = htons(port);
	memcpy(&to.sin_addr, addr.bytes, 4);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0)
		fatal("bare: cannot listen on %s", argv[1]);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		struct sockaddr_in from;
		socklen_t from_bytes = sizeof from;
		ssize_t length = recvfrom(fd, message, 512, 0, (struct sockaddr *)&from, &from_bytes);
		if (length < 12)
			continue;
		message[2] |= 0x84; /* QR, AA */
		message[7] = 1;
		memcpy(message + length, record, sizeof record);
		sendto(fd, message, (size_t)length + sizeof record, 0, (struct sockaddr *)&from, from_bytes);
	}
}
