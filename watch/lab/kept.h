/*
 * Allocations as the text that is kept over restarts: JSON, one line a Service. Main thread.
 *
 *   {"version":1,"services":[
 *   {"namespace":"default","name":"web","spec":"9f…","clusterIPs":["10.96.7.1"],"nodePorts":{"http":30123},
 *    "healthCheckNodePort":31000,"loadBalancer":["192.0.2.1"]}, …
 */
#ifndef WATCH_LAB_KEPT_H
#define WATCH_LAB_KEPT_H

#include "base/buf.h"
#include "watch/lab/allocate.h"

#define KEPT_BYTES_MAX ((size_t)64 << 20)

struct kept_service {
	const char *ns, *name;
	uint64_t fingerprint;  /* of what its manifest said */
	struct allocated *had; /* reading: the callee may take it over, and leaves it zero then */
};

void kept_begin(struct buf *out);
void kept_add(struct buf *out, const struct kept_service *s);
void kept_end(struct buf *out);

/* NULL, or why the text is not what the above writes; what stands before that was told. Safe on any bytes. */
const char *kept_read(const char *text, size_t length_bytes, void (*found)(void *ctx, const struct kept_service *s),
		      void *ctx);

#endif
