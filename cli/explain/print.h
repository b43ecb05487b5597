/* What `fairlead explain` prints: the verdict, then what it was made from. Main thread. */
#ifndef CLI_EXPLAIN_PRINT_H
#define CLI_EXPLAIN_PRINT_H

#include "base/buf.h"
#include "cli/explain/verdict.h"

/* The first line is the verdict; the others are the way, step by step. */
void explain_text(struct buf *out, const struct facts *f, const struct findings *findings);
void explain_json(struct buf *out, const struct facts *f, const struct findings *findings);

#endif
