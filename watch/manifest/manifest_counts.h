/* What was read of a folder of manifests. */
#ifndef WATCH_MANIFEST_MANIFEST_COUNTS_H
#define WATCH_MANIFEST_MANIFEST_COUNTS_H

#include <stddef.h>

struct manifest_counts {
	size_t files, documents, objects;
	size_t problems; /* since the start */
	size_t refused;	 /* of them, those that refused an object, a document or a file */
};

#endif
