/*
 * Messages between processes of this host: one word, with descriptors (SCM_RIGHTS), over a unix socket that keeps
 * messages apart (SOCK_SEQPACKET), of a path that only its owner may use. Any thread.
 */
#ifndef BASE_FD_MESSAGE_H
#define BASE_FD_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#define FD_MESSAGE_WORD_BYTES 32
#define FD_MESSAGE_FDS_MAX 128 /* the kernel takes 253 */

struct fd_message {
	char word[FD_MESSAGE_WORD_BYTES];
	size_t fd_count;
	int fds[FD_MESSAGE_FDS_MAX]; /* close-on-exec, the receiver's */
};

int fd_message_connect(const char *path); /* -1 with errno */
/* Takes the place of what is there at once. Non-blocking, mode 0600. -1 with errno. */
int fd_message_listen(const char *path);
/* The next connection of a process of this user or of root; -1: there is none. */
int fd_message_accept(int listen_fd);
void fd_message_limit(int fd, unsigned limit_ms); /* how long a message may take, sending or receiving */

bool fd_message_send(int fd, const char *word, const int *fds, size_t fd_count); /* errno */
/* False, without descriptors: there is none in time, the other side is gone (errno 0), or it is no such message. */
bool fd_message_receive(int fd, struct fd_message *m);
void fd_message_close(struct fd_message *m); /* its descriptors; errno stays */

#endif
