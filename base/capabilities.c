/* Which capabilities a thread keeps. */
#include "base/capabilities.h"

#include <cap-ng.h>
#include <errno.h>
#include <stddef.h>

static const struct {
	unsigned flag, capability;
} known[] = {{CAPABILITIES_NET_ADMIN, CAP_NET_ADMIN}, {CAPABILITIES_BIND, CAP_NET_BIND_SERVICE},
	     {CAPABILITIES_SETUID, CAP_SETUID},	      {CAPABILITIES_SETGID, CAP_SETGID},
	     {CAPABILITIES_KILL, CAP_KILL},	      {CAPABILITIES_SYS_ADMIN, CAP_SYS_ADMIN}};

static void kept_add(unsigned kept, capng_type_t sets)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if ((kept & known[i].flag) != 0)
			capng_update(CAPNG_ADD, sets, known[i].capability);
}

unsigned capabilities_held(void)
{
	unsigned held = 0;

	if (capng_get_caps_process() != 0)
		return 0;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		held |= capng_have_capability(CAPNG_PERMITTED, known[i].capability) ? known[i].flag : 0;
	return held;
}

int capabilities_keep(unsigned kept)
{
	capng_clear(CAPNG_SELECT_CAPS);
	kept_add(kept, CAPNG_EFFECTIVE | CAPNG_PERMITTED);
	return capng_apply(CAPNG_SELECT_CAPS) == 0 ? 0 : errno;
}

bool capabilities_bound(unsigned kept)
{
	if (capng_get_caps_process() != 0 || !capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		return false;
	capng_clear(CAPNG_SELECT_BOUNDS);
	kept_add(kept, CAPNG_BOUNDING_SET);
	return capng_apply(CAPNG_SELECT_BOUNDS) == 0;
}
