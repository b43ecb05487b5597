/*
 * Why a port of a slice leads nowhere: no port of the Service has its name, that one has another protocol, or no
 * address of the Service has the slice's family. Pure functions.
 */
#ifndef SERVICE_UNMATCHED_H
#define SERVICE_UNMATCHED_H

#include "base/buf.h"
#include "watch/object.h"

enum unmatched {
	UNMATCHED_NOT, /* it is used, as far as this goes */
	UNMATCHED_TYPE,
	UNMATCHED_FAMILY,
	UNMATCHED_NAME,
	UNMATCHED_PROTOCOL,
};

enum unmatched unmatched_why(const struct service_object *s, const struct slice_object *e,
			     const struct slice_port_object *port);
/* "the port's name "http" is none of the Service's: web/TCP". port: NULL where why is about the slice. */
void unmatched_format(struct buf *out, enum unmatched why, const struct service_object *s, const struct slice_object *e,
		      const struct slice_port_object *port);

#endif
