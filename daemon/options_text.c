/* Which texts a flag takes. */
#include <ctype.h>
#include <string.h>

#include "daemon/options.h"
#include "watch/identity.h"

static bool all_of(const char *text, const char *signs)
{
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && strchr(signs, *text) == NULL)
			return false;
	return true;
}

/*
 * The kernel takes anything, but the nft program reads only what its scanner calls a string. With -next at the end it
 * would be deleted by the daemon of the table without (load.c).
 */
const char *option_not_table(const char *text)
{
	const char *last = strrchr(text, '-');

	if (last != NULL && strcmp(last, "-next") == 0)
		return "must not end in -next: tables are built under such names when they are replaced";
	if ((isalpha((unsigned char)text[0]) || text[0] == '_') && all_of(text, "_-."))
		return NULL;
	return "must be letters, digits, \"_\", \"-\" and \".\", a letter or \"_\" first";
}

/* The value of a label, as the API server takes it. */
const char *option_not_label(const char *text)
{
	if (isalnum((unsigned char)text[0]) && isalnum((unsigned char)text[strlen(text) - 1]) && all_of(text, "_-."))
		return NULL;
	return "must be the value of a label: letters, digits, \"_\", \"-\" and \".\", a letter or digit first and "
	       "last";
}

/* A label in lower case (RFC 1123), as the API server takes it. */
const char *option_not_namespace(const char *text)
{
	return name_is_label(text) ? NULL : "must be a DNS label in lower case";
}

/* What the kernel takes for the name of an interface (dev_valid_name), and no more than printable characters. */
const char *option_not_interface(const char *text)
{
	bool is_name = strcmp(text, ".") != 0 && strcmp(text, "..") != 0;

	for (const char *at = text; *at != '\0'; at++)
		is_name = is_name && isgraph((unsigned char)*at) && *at != '/' && *at != ':';
	return is_name ? NULL : "is not the name of an interface";
}
