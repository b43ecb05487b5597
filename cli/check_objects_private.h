/* Inside of `fairlead check`: objects, and where they are. */
#ifndef CLI_CHECK_OBJECTS_PRIVATE_H
#define CLI_CHECK_OBJECTS_PRIVATE_H

#include "base/mem.h"
#include "cli/check_objects.h"

struct located {
	struct object *o;
	const char *file;
	uint32_t line;
	char key[]; /* "ns/name", "Kind ns/name" */
};

static inline const struct service_object *service_of(const struct located *l)
{
	return (const struct service_object *)l->o;
}

struct report {
	struct checked *c;
	void (*tell)(void *ctx, const char *file, const struct decode_problem *p);
	void *ctx;
	struct map hosts;     /* this host's addresses and name servers: struct addr to what it is */
	struct map addresses; /* struct claimed_address to the Service that is the first there */
	struct arena *arena;
};

void say(struct report *r, const struct located *l, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Fills the Services in as the daemon would, and says what is wrong with that: check_fill.c */
void check_fill(struct report *r, const struct config *config);

#endif
