/* Says which texts are names of hosts and domains. */
#include "base/domain.h"

#include <string.h>

static bool inner(char c, unsigned signs)
{
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return true;
	return c == '_' ? (signs & DOMAIN_UNDERSCORE) != 0 : (signs & DOMAIN_UPPER) != 0 && c >= 'A' && c <= 'Z';
}

bool domain_label(const char *label, size_t bytes, unsigned signs)
{
	if (bytes == 0 || label[0] == '-' || label[bytes - 1] == '-')
		return false;
	for (size_t i = 0; i < bytes; i++)
		if (label[i] != '-' && !inner(label[i], signs))
			return false;
	return true;
}

bool domain_name(const char *name, size_t label_bytes, unsigned signs)
{
	if (strlen(name) > DOMAIN_BYTES)
		return false;
	for (;; name++) {
		const size_t bytes = strcspn(name, ".");
		if (bytes > label_bytes || !domain_label(name, bytes, signs))
			return false;
		name += bytes;
		if (*name == '\0')
			return true;
	}
}
