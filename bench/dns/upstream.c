/*
 * An upstream server that knows every name: one address record for each question, with EDNS where the question has it.
 *
 *   upstream ADDR:PORT TTL
 *
 * At SIGTERM it prints how many questions it answered.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/log.h"

#define HEADER_BYTES 12
#define QUERY_BYTES 512

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

/* Where the question ends; 0: there is none. */
static size_t question_end(const uint8_t *message, size_t length)
{
	size_t at = HEADER_BYTES;

	while (at < length && message[at] != 0)
		at += 1u + message[at];
	return at + 5 <= length ? at + 5 : 0;
}

/* The question becomes the reply, in place; its length, 0: not a question. */
static size_t answer(uint8_t *message, size_t length, uint32_t ttl)
{
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
	uint8_t record[] = {0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1};
	size_t end = length > HEADER_BYTES ? question_end(message, length) : 0;
	const bool edns = message[11] != 0;

	if (end == 0)
		return 0;
	ttl = htonl(ttl);
	memcpy(record + 6, &ttl, sizeof ttl);
	message[2] = 0x80 | (message[2] & 0x79); /* QR; opcode and RD stay */
	message[3] = 0x80;			 /* RA */
	message[7] = 1;
	message[11] = edns;
	memcpy(message + end, record, sizeof record);
	end += sizeof record;
	if (edns) {
		memcpy(message + end, opt, sizeof opt);
		end += sizeof opt;
	}
	return end;
}

static int listen_on(const char *where)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct addr addr;
	uint16_t port = 53;

	if (!addr_port_parse(&addr, &port, where))
		fatalx("upstream: %s is not ADDR:PORT", where);
	to.sin_port = htons(port);
	memcpy(&to.sin_addr, addr.bytes, 4);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0)
		fatal("upstream: cannot listen on %s", where);
	return fd;
}

int main(int argc, char **argv)
{
	const struct sigaction end = {.sa_handler = on_signal};
	uint8_t message[QUERY_BYTES + 64];
	unsigned long answered = 0;

	if (argc != 3)
		fatalx("usage: upstream ADDR:PORT TTL");
	const uint32_t ttl = (uint32_t)strtoul(argv[2], NULL, 10);
	int fd = listen_on(argv[1]);
	sigaction(SIGTERM, &end, NULL);
	while (!ended) {
		struct sockaddr_in from;
		socklen_t from_bytes = sizeof from;
		ssize_t length = recvfrom(fd, message, QUERY_BYTES, 0, (struct sockaddr *)&from, &from_bytes);
		size_t reply = length > 0 ? answer(message, (size_t)length, ttl) : 0;

		if (reply != 0 && sendto(fd, message, reply, 0, (struct sockaddr *)&from, from_bytes) > 0)
			answered++;
	}
	printf("%lu\n", answered);
	return 0;
}
