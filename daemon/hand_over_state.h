/* Private to daemon/: what take_over.c and hand_over.c know; parts of struct daemon. Main thread. */
#ifndef DAEMON_HAND_OVER_STATE_H
#define DAEMON_HAND_OVER_STATE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct take_over {
	int fd; /* to the process that is replaced; -1: none, or no more */
	bool held, leaving;
	struct ev_io left; /* while it leaves */
	int *stored;	   /* sockets that systemd kept: used once this process can answer; room for INHERITED_MAX */
	size_t stored_count;
	struct ev_timer stored_late;
	struct ev_timer rest; /* until sockets that nothing took are closed */
};

struct hand_over { /* zero: not open */
	bool open, failed;
	struct ev_io accept, successor; /* successor.fd -1: none */
	struct ev_timer limit, look;
	bool held;	  /* the kernel is the successor's */
	uint64_t left_ms; /* clock_ms; 0: it serves */
};

#endif
