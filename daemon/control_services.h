/* Answers of the control socket about services; ctx is a struct daemon. Main thread. */
#ifndef DAEMON_CONTROL_SERVICES_H
#define DAEMON_CONTROL_SERVICES_H

#include "base/buf.h"

/* services FORMAT [NS[/NAME]]; FORMAT: json, or a table (proxy/show_table.h): text, wide, text-uncounted,
 * wide-uncounted */
int control_services(void *ctx, int argc, char **argv, struct buf *out);
/* endpoints FORMAT [NS[/NAME]]; JSON of NS/NAME is one object, else a list */
int control_endpoints(void *ctx, int argc, char **argv, struct buf *out);
/* changes: a number that is another one after every change of the tables above but of counters */
int control_changes(void *ctx, int argc, char **argv, struct buf *out);

#endif
