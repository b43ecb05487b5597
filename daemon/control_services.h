/* Answers of the control socket about services; ctx is a struct daemon. Main thread. */
#ifndef DAEMON_CONTROL_SERVICES_H
#define DAEMON_CONTROL_SERVICES_H

#include "base/buf.h"

/* services text|json [NS[/NAME]] */
int control_services(void *ctx, int argc, char **argv, struct buf *out);
/* endpoints text|json NS/NAME */
int control_endpoints(void *ctx, int argc, char **argv, struct buf *out);

#endif
