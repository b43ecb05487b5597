/*
 * Any texts as what systemd says of the sockets that it kept: a count, and on a second line for which process, else for
 * this one. Descriptors that are there are taken, as many as there is room for, and a count that lies costs no time.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/fd_store.h"
#include "tests/fuzz/cost.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 8
#define TEXT_BYTES 64

static char count[TEXT_BYTES], pid[TEXT_BYTES];

static void take(void *ctx)
{
	int fds[ROOM];

	(void)ctx;
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", count, 1);
	const size_t taken = fd_store_take(fds, ROOM);
	if (taken > ROOM || getenv("LISTEN_PID") != NULL || getenv("LISTEN_FDS") != NULL)
		abort();
	for (size_t i = 0; i < taken; i++)
		if (fds[i] != 3 + (int)i || (fcntl(fds[i], F_GETFD) & FD_CLOEXEC) == 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[2 * TEXT_BYTES] = "", *second = text;

	memcpy(text, data, size < sizeof text ? size : sizeof text - 1);
	const char *first = strsep(&second, "\n");
	snprintf(count, sizeof count, "%.60s", first);
	if (second != NULL && second[0] != '\0')
		snprintf(pid, sizeof pid, "%.60s", second);
	else
		snprintf(pid, sizeof pid, "%ld", (long)getpid());
	if (cost_of(take, NULL, COST_FREE_NS) > COST_FREE_NS)
		abort();
	return 0;
}
