/* Reads the switch of br_netfilter. */
#include "daemon/bridges.h"

#include <stdlib.h>

#include "base/read_file.h"

bool bridges_bypass(const char *path)
{
	size_t length;
	char *text = read_file(path, 16, &length);
	bool off = text != NULL && length > 0 && text[0] == '0';

	free(text);
	return off;
}
