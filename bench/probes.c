/*
 * Both ends of `make bench-probes`.
 *
 *   probes serve PORT                          every address of this namespace
 *   probes bare tcp|http FIRST PORT COUNT S    the least a prober can do, for S seconds
 *
 * serve answers each request of HTTP/1.1 with 200. A line "10.250.0.7" on its standard input makes that address answer
 * 503, an empty line none; the moment of the first answer after each line is printed, in nanoseconds of
 * CLOCK_MONOTONIC. bare connects to COUNT addresses in a row once a second, some every 10 ms, and prints the
 * nanoseconds of CPU that one took. Its sockets have the options of the daemon's.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/outgoing.h"

#define TICKS_PER_S 100
#define PER_TICK_MAX 100
#define EVENTS 64

/* ---- serve ---- */

static struct {
	int listener;
	in_addr_t failing;
	bool tell; /* the next answer of it, or of any when none fails */
	in_addr_t last;
} server;

static void answer(int fd)
{
	static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
			  bad[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	struct sockaddr_in here;
	socklen_t length = sizeof here;

	getsockname(fd, (struct sockaddr *)&here, &length);
	const bool fails = here.sin_addr.s_addr == server.failing;
	if (server.tell && here.sin_addr.s_addr == (server.failing != 0 ? server.failing : server.last)) {
		printf("%llu\n", (unsigned long long)clock_ns());
		fflush(stdout);
		server.tell = false;
	}
	(void)send(fd, fails ? bad : ok, (fails ? sizeof bad : sizeof ok) - 1, MSG_NOSIGNAL);
}

/* A connection is over with its first request, or when the client hangs up. */
static void on_client(int fd)
{
	char request[4096];

	if (recv(fd, request, sizeof request, MSG_DONTWAIT) > 0)
		answer(fd);
	close(fd);
}

static void on_line(void)
{
	char line[64];
	struct addr addr;

	if (fgets(line, sizeof line, stdin) == NULL)
		exit(0);
	line[strcspn(line, "\n")] = '\0';
	server.last = server.failing;
	server.failing = 0;
	if (addr_parse(&addr, line))
		memcpy(&server.failing, addr.bytes, 4);
	server.tell = true;
}

static void watch(int epoll, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		fatal("epoll");
}

static void serve(uint16_t port)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int epoll = epoll_create1(0), on = 1;
	struct epoll_event events[EVENTS];

	server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(server.listener, (struct sockaddr *)&here, sizeof here) != 0 || listen(server.listener, 4096) != 0)
		fatal("cannot listen on port %u", port);
	watch(epoll, server.listener);
	watch(epoll, STDIN_FILENO);
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		const int n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0, fd; i < n; i++) {
			if (events[i].data.fd == STDIN_FILENO)
				on_line();
			else if (events[i].data.fd != server.listener)
				on_client(events[i].data.fd);
			else
				while ((fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
					watch(epoll, fd);
		}
	}
}

/* ---- bare ---- */

static int begin(const struct sockaddr_in *to, bool http)
{
	static const char request[] =
		"GET /healthz HTTP/1.1\r\nHost: 10.250.0.1:8080\r\nUser-Agent: bare\r\nAccept: */*\r\n"
		"Connection: close\r\n\r\n";
	const struct linger reset = {.l_onoff = 1};
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), off = 0;

	outgoing_mark(fd);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
	if (fd < 0 || connect(fd, (const struct sockaddr *)to, sizeof *to) != 0)
		fatal("connect");
	if (http && send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0)
		fatal("send");
	return fd;
}

static void finish(int fd, bool http)
{
	char response[1024];

	if (http && recv(fd, response, sizeof response, 0) < 12)
		fatalx("no response");
	close(fd);
}

static void tick(struct sockaddr_in *to, uint32_t first, uint32_t at, uint32_t count, bool http)
{
	int fds[PER_TICK_MAX];

	for (uint32_t i = 0; i < count; i++) {
		to->sin_addr.s_addr = htonl(first + at + i);
		fds[i] = begin(to, http);
	}
	for (uint32_t i = 0; i < count; i++)
		finish(fds[i], http);
}

static void bare(bool http, const char *first, uint16_t port, uint32_t count, uint32_t seconds)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	const uint32_t each = count / TICKS_PER_S;
	struct timespec next, cpu;
	struct addr addr;
	uint32_t base;

	if (!addr_parse(&addr, first) || addr.family != AF_INET || each == 0 || each > PER_TICK_MAX)
		fatalx("bad arguments");
	memcpy(&base, addr.bytes, 4);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint32_t n = 0; n < seconds * TICKS_PER_S; n++) {
		tick(&to, ntohl(base), n % TICKS_PER_S * each, each, http);
		next.tv_nsec += 1000000000 / TICKS_PER_S;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%.0f\n", ((double)cpu.tv_sec * 1e9 + (double)cpu.tv_nsec) / (seconds * TICKS_PER_S * each));
}

static uint32_t number(const char *text)
{
	return (uint32_t)strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "serve") == 0)
		serve((uint16_t)number(argv[2]));
	if (argc != 7 || strcmp(argv[1], "bare") != 0)
		fatalx("usage: probes serve PORT | bare tcp|http FIRST PORT COUNT SECONDS");
	bare(strcmp(argv[2], "http") == 0, argv[3], (uint16_t)number(argv[4]), number(argv[5]), number(argv[6]));
	return 0;
}
