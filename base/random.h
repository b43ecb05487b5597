/* Random numbers of the kernel, for what others must not guess: keys, seeds, numbers of DNS messages. Any thread. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

/* At most 256 bytes, which the kernel gives at once. Fatal when it has none, which no running system sees. */
void random_fill(void *to, size_t bytes);

#endif
