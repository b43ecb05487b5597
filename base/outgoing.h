/*
 * Sockets that connect to what the daemon needs (API server, upstream servers, endpoints), with the mark of
 * base/own_mark.h. Setting a mark takes CAP_NET_ADMIN, and the threads that connect have no capability: a thread that
 * reads nothing from outside makes marked sockets in advance and they take them from it.
 */
#ifndef BASE_OUTGOING_H
#define BASE_OUTGOING_H

/* Marks a socket before it connects. Without CAP_NET_ADMIN nothing happens: then there are no rules of ours either. */
void outgoing_mark(int fd);

/* Starts the thread. Main thread, before threads that connect; without it each caller makes its own sockets. */
void outgoing_start(void);
/* Ends it, when none of them runs any more. Nothing when it was not started. */
void outgoing_stop(void);

/*
 * A marked socket to connect with, not blocking; -1 and errno. type: SOCK_STREAM or SOCK_DGRAM. Any thread. Waits only
 * when more are taken at once than are kept (OUTGOING_READY of a kind), as long as it takes to make one.
 */
#define OUTGOING_READY 16
int outgoing_socket(int family, int type);

#endif
