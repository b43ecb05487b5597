/* The whole daemon, whose children wait for their disk for ever: fsync(2) returns in the first process only. */
#include "cli/main.c"

#include <sys/syscall.h>
#include <unistd.h>

static pid_t first;

static void __attribute__((constructor)) remember(void)
{
	first = getpid();
}

/* Takes the place of the C library's. */
int fsync(int fd)
{
	while (getpid() != first)
		pause();
	return (int)syscall(SYS_fsync, fd);
}
