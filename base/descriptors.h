/* The limit of file descriptors. Any thread. */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

/*
 * Raises the soft limit to the hard one: each health check node port and relayed connection takes descriptors, and the
 * usual 1024 leave none for our own ports. Returns the limit that holds now; 0: the kernel does not say.
 */
unsigned descriptors_raise(void);

#endif
