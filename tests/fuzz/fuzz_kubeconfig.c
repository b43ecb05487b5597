/* Any text as a kubeconfig: it is read or refused with one line; a token never stands in that line. */
#include <stdlib.h>
#include <string.h>

#include "watch/api/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[ERROR_BYTES] = "";
	struct credentials c = {0};

	bool fine = kubeconfig_read(&c, "dir/config", (const char *)data, size, error);
	if (fine && (c.server == NULL || error[0] != '\0'))
		abort();
	if (!fine && (error[0] == '\0' || strchr(error, '\n') != NULL))
		abort();
	credentials_fini(&c);
	return 0;
}
