/*
 * For loops that accept connections. Without a free descriptor, accept() fails at once while its listener stays
 * readable: a loop that only waits for the listener spins until somebody closes something. Such a loop stops watching
 * for a short time instead; clients wait in the backlog.
 */
#ifndef BASE_ACCEPT_H
#define BASE_ACCEPT_H

#include <errno.h>
#include <stdbool.h>

#define ACCEPT_PAUSE_S 0.1

/* accept() failed with `error` for want of a descriptor or of memory, and would again. */
static inline bool accept_starved(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

#endif
