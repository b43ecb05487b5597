/*
 * What can be seen in manifests together, and on this host, that will go wrong at run time though each object is valid:
 * ports that do not meet, slices without their Service, two Services on one address, an address of the host or of its
 * name servers, a Service that nothing outside can reach. Main thread.
 */
#ifndef CLI_CHECK_OBJECTS_H
#define CLI_CHECK_OBJECTS_H

#include "base/map.h"
#include "daemon/config.h"
#include "watch/decode/decode.h"

#define CHECK_OBJECTS_MAX 20000 /* with more, none is compared: they would take as much memory as all else */

struct checked {		     /* zero = empty */
	struct map services, slices; /* by "ns/name" */
	struct map others;	     /* of other kinds that Services are filled in by, by "Kind ns/name" */
	struct map by_name;	     /* Services, one of each name */
	struct map files;	     /* their names, each once */
	bool too_many;		     /* none is kept */
};

/* Takes the object. */
void checked_add(struct checked *c, struct object *o, const char *file, uint32_t line);
/*
 * Fills the Services in as the daemon would (watch/lab/) and compares. resolv_conf: the host's name servers; NULL: not
 * looked at.
 */
void checked_report(struct checked *c, const struct config *config, const char *resolv_conf,
		    void (*tell)(void *ctx, const char *file, const struct decode_problem *p), void *ctx);
void checked_fini(struct checked *c);

#endif
