/*
 * What an API server refuses beyond what the decoder finds while it reads: ValidateObjectMeta, ValidateService,
 * ValidateEndpointSlice and ValidateEndpoints of Kubernetes, rule by rule, after its defaults are filled in
 * (docs/manifests.md lists them, and the few that do not hold here). For manifests only: what comes from an API server
 * has passed there. Main thread.
 */
#ifndef WATCH_DECODE_VALIDATE_H
#define WATCH_DECODE_VALIDATE_H

#include "watch/decode/decode_field.h"

void validate_meta(struct decoder *d, const struct place *root);
/* A map of labels, such as a selector. */
void validate_labels(struct decoder *d, const struct place *map);
/* A key of a label, where there is one: appProtocol, loadBalancerClass, a finalizer. */
void validate_label_key(struct decoder *d, const struct place *p);

/* s: as read, for what was filled in. */
void validate_service(struct decoder *d, const struct place *root, const struct service_object *s);

void validate_slice(struct decoder *d, const struct place *root);
void validate_subset(struct decoder *d, const struct place *subset);

#endif
