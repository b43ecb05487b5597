/* The only file that is compiled with the release number and the commit. */
#include "base/version.h"

const char *version_text(void)
{
	return RELEASE " (" COMMIT ")";
}

const char *version_product(void)
{
	return "fairlead/" RELEASE;
}
