/* Which texts a flag takes. */
#include <ctype.h>
#include <string.h>

#include "base/domain.h"
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

#define LABELS "labels of letters, digits and \"-\", which is neither first nor last"

/* No top-level domain is a number (RFC 1123 2.1): that is an address. */
static bool ends_in_number(const char *name)
{
	const char *last = strrchr(name, '.');

	last = last != NULL ? last + 1 : name;
	return last[strspn(last, "0123456789")] == '\0';
}

/* Absolute or not, in any case. */
static bool is_domain(const char *text, unsigned signs)
{
	size_t bytes = strlen(text);
	char name[DOMAIN_BYTES + 1];

	bytes -= bytes > 1 && text[bytes - 1] == '.';
	if (bytes > DOMAIN_BYTES)
		return false;
	memcpy(name, text, bytes);
	name[bytes] = '\0';
	return domain_name(name, DOMAIN_LABEL_BYTES, DOMAIN_UPPER | signs) && !ends_in_number(name);
}

const char *option_not_domain(const char *text)
{
	return is_domain(text, 0) ? NULL : "must be a domain name: " LABELS;
}

/* What clients ask for need not be a host. */
const char *option_not_suffix(const char *text)
{
	return is_domain(text, DOMAIN_UNDERSCORE) ? NULL : "must be a domain name: " LABELS " (\"_\" is like a letter)";
}

/* In any case: kube-proxy lower-cases a given name, too (nodeutil.GetHostname). */
const char *option_not_node(const char *text)
{
	return domain_name(text, DOMAIN_BYTES, DOMAIN_UPPER) ? NULL : "must be the name of a Node: " LABELS;
}

/* What the kernel takes for the name of an interface (dev_valid_name), and no more than printable characters. */
const char *option_not_interface(const char *text)
{
	bool is_name = strcmp(text, ".") != 0 && strcmp(text, "..") != 0;

	for (const char *at = text; *at != '\0'; at++)
		is_name = is_name && isgraph((unsigned char)*at) && *at != '/' && *at != ':';
	return is_name ? NULL : "is not the name of an interface";
}

const char *option_not_interface_prefix(const char *text)
{
	if (strchr(text, '*') != NULL || strchr(text, '+') != NULL)
		return "must be the first letters of names, without \"*\" or \"+\"";
	return option_not_interface(text);
}
