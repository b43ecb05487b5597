/* The whole daemon on a kernel that refuses one endpoint for good. */
#include "cli/main.c"

#include "tests/kernel/refusing.h"

static void on_send(uint8_t *messages, size_t bytes)
{
	refuse(messages, bytes);
}
