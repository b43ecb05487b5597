/*
 * From a value tree to objects: defaults as the API server fills them in, and reports every problem.
 *
 * Two users. Manifests (strict): what the API server would refuse is an error and the object is refused, so that its
 * last good version stays. API server (lenient): whatever kube-proxy would accept is accepted; a bad part is skipped
 * with a warning and only an object without identity is refused. Main thread.
 */
#ifndef WATCH_DECODE_DECODE_H
#define WATCH_DECODE_DECODE_H

#include "watch/decode/decode_sink.h"
#include "watch/decode/value.h"

struct decoder;

struct decoder *decoder_new(bool lenient);
void decoder_free(struct decoder *d);
/*
 * One document: an object, `kind: List` or a typed list (ServiceList…) of objects. NULL (an empty document) is fine.
 * An Endpoints object becomes slices named NAME:endpoints-ipv4-0, … (a colon is in no other name).
 */
void decode_document(struct decoder *d, const struct value *v, const struct decode_sink *sink);
/*
 * One object that need not say its kind and version itself: an item of an API server's list. (NULL for both: it must
 * say them, and a list in a list is nothing.) Neither object() nor refused() was called: the object is valid and not
 * ours (an FQDN slice). A slice without a Service has the service name "".
 */
void decode_item(struct decoder *d, const char *kind, const char *api_version, const struct value *v,
		 const struct decode_sink *sink);

#endif
