/*
 * Time that passes only while libev sleeps: its clock and its waiting, and all of ours, come through here. Nothing is
 * ever ready but timers. Include in one file of a program.
 */
#ifndef TESTS_SIMULATED_TIME_H
#define TESTS_SIMULATED_TIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint64_t simulated_ns = 1000000000ULL * 100000;
static bool simulated; /* false: real time */

int clock_gettime(clockid_t clock, struct timespec *t)
{
	if (!simulated || clock != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, clock, t);
	*t = (struct timespec){(time_t)(simulated_ns / 1000000000), (long)(simulated_ns % 1000000000)};
	return 0;
}

int epoll_wait(int fd, struct epoll_event *events, int room, int timeout_ms)
{
	(void)fd;
	(void)events;
	(void)room;
	/* A timer is due when its time is over, not when it is reached. */
	simulated_ns += (uint64_t)(timeout_ms > 0 ? timeout_ms : 0) * 1000000 + 1000;
	return 0;
}

#endif
