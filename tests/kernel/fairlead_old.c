/* The whole daemon on an older kernel, which refuses one endpoint for good. */
#include "cli/main.c"

#include "tests/kernel/oldkernel.h"
#include "tests/kernel/refusing.h"

static void on_send(uint8_t *messages, size_t bytes)
{
	old_send(messages, bytes);
	refuse(messages, bytes);
}
