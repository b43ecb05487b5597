/* Which hosts of a request only a local network can mean. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/addr_port.h"
#include "observe/http_request.h"

static bool ends_with(const char *name, const char *end)
{
	const size_t length = strlen(name), end_length = strlen(end);

	return length >= end_length && strcasecmp(name + length - end_length, end) == 0;
}

bool http_host_is_private(const char *host)
{
	static const char *const local[] = {".local", ".lan", ".internal", ".home.arpa", ".localhost"};
	char name[HTTP_HOST_BYTES];
	struct addr addr;
	uint16_t port = 0;

	if (addr_port_parse(&addr, &port, host))
		return true;
	snprintf(name, sizeof name, "%.*s", (int)strcspn(host, ":"), host);
	if (name[0] != '\0' && name[strlen(name) - 1] == '.')
		name[strlen(name) - 1] = '\0';
	if (name[0] == '\0' || strchr(name, '.') == NULL)
		return name[0] != '\0';
	for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
		if (ends_with(name, local[i]))
			return true;
	return false;
}
