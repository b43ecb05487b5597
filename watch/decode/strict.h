/*
 * What `kubectl --validate=strict` says of a manifest beside its meaning: fields that a kind does not have, with the
 * one that was probably meant, and values of a wrong type, in fields that are not read here, too. Manifests only: an
 * API server may be newer than the tables. Main thread.
 */
#ifndef WATCH_DECODE_STRICT_H
#define WATCH_DECODE_STRICT_H

#include "watch/decode/decode_field.h"
#include "watch/decode/schema.h"

#define STRICT_UNKNOWN_MAX 100 /* unknown fields of one object; more are not told */

/* Unknown fields are warnings, wrong types errors. Afterwards d->typed holds: readers need not complain of types. */
void strict_check(struct decoder *d, const struct place *root, const struct schema *fields);

#endif
