/* Answers of the control socket to `fairlead explain`: what the daemon knows, as JSON; ctx is a struct daemon. Main
 * thread. */
#ifndef DAEMON_CONTROL_EXPLAIN_H
#define DAEMON_CONTROL_EXPLAIN_H

#include "base/buf.h"

#define EXPLAIN_SERVICES_MAX 16	  /* of one address */
#define EXPLAIN_ELEMENTS_MAX 1000 /* of one Service */
#define EXPLAIN_NAMESAKES_MAX 16
#define EXPLAIN_TROUBLES_MAX 16

/*
 * explain node
 * explain service NS/NAME
 * explain address ADDRESS PORT (0: any)
 * The answer has the daemon's state, and the Services that the question is about. An unknown one is no error.
 */
int control_explain(void *ctx, int argc, char **argv, struct buf *out);
/* explain-client IP|NS/POD: address, and the pod that has it */
int control_explain_client(void *ctx, int argc, char **argv, struct buf *out);

#endif
