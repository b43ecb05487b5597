/* What the printers of services know beside the services themselves. */
#ifndef PROXY_SHOW_CONTEXT_H
#define PROXY_SHOW_CONTEXT_H

#include "base/json.h"
#include "proxy/elements.h"
#include "proxy/endpoint_reasons.h"

/* All may be NULL (a NULL context too). */
struct show_context {
	const struct owners *owners;		/* tells of frontends that another service owns */
	const struct endpoint_reasons *reasons; /* of this Service's endpoints that are not ready */
	/*
	 * New connections counted at a frontend, or at one slot of it in SET_ENDPOINTS or SET_INTERNAL_ENDPOINTS;
	 * false: not known.
	 */
	bool (*frontend_count)(void *ctx, const struct frontend_key *key, uint64_t *connections);
	bool (*slot_count)(void *ctx, enum set_id pool, const struct frontend_key *key, uint32_t slot,
			   uint64_t *connections);
	/* Whether a frontend's address is announced to a network, and a text of it; false: nothing is to be said. */
	bool (*announced)(void *ctx, const struct frontend *f, bool *is_announced, struct buf *text);
	void *ctx;
	bool brief;							  /* JSON without endpoints and DNS */
	void (*more)(struct json *j, void *ctx, const struct service *s); /* further members of the JSON object */
};

#endif
