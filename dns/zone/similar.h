/*
 * Names one mistake away from one that does not exist: a letter left out, typed twice, exchanged or swapped with the
 * next. For people who read a refusal, so bounded twice: a search looks at SIMILAR_NAMES_MAX names and finds none where
 * there are more, and a thread searches SIMILAR_PER_S times a second. Reader's side of the zone, as table.h.
 */
#ifndef DNS_ZONE_SIMILAR_H
#define DNS_ZONE_SIMILAR_H

#include "dns/zone/table.h"

#define SIMILAR_NAMES_MAX 256
#define SIMILAR_LETTERS_MIN 3 /* below that every name is one mistake away from every other */
#define SIMILAR_PER_S 100
#define SIMILAR_BURST 50

/* One thread's; starts as zero. */
struct similar_budget {
	uint64_t spent_until_ns;
};

/* May this thread search once more? Counts it. now_ns: monotonic. */
bool similar_allowed(struct similar_budget *b, uint64_t now_ns);

/* ns, service: wire labels, lower case. The key that is returned (wire labels, or NULL) lives as table.h says. */

bool similar_has_service(const struct zone *z, const uint8_t *service, const uint8_t *ns);
/* A service of `ns` that has records, and is named nearly as `service`: labels of name and namespace. */
const uint8_t *similar_service(const struct zone *z, const uint8_t *service, const uint8_t *ns);
/* A namespace named nearly as `ns`, if possible one with a service of that name. */
const uint8_t *similar_namespace(const struct zone *z, const uint8_t *service, const uint8_t *ns);

#endif
