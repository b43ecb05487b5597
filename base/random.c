/* Takes random numbers from the kernel. */
#include "base/random.h"

#include <assert.h>
#include <sys/random.h>
#include <sys/types.h>

#include "base/log.h"

#define AT_ONCE_BYTES 256 /* getrandom(2): never cut short, nor interrupted */

void random_fill(void *to, size_t bytes)
{
	assert(bytes <= AT_ONCE_BYTES);
	if (getrandom(to, bytes, 0) != (ssize_t)bytes)
		fatal("no random bytes");
}
