/* nft_driver on an older kernel. */
#include "tests/kernel/nft_driver.c"

#include "tests/kernel/oldkernel.h"

static void on_send(uint8_t *messages, size_t bytes)
{
	old_send(messages, bytes);
}
