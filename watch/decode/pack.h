/* Where an object is packed: its fields, and their strings. Reused from object to object. */
#ifndef WATCH_DECODE_PACK_H
#define WATCH_DECODE_PACK_H

#include "base/buf.h"

struct pack { /* all zero = ready */
	struct buf bytes, strings;
};

#endif
