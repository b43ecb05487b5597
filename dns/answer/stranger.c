/* Response rate limiting: the time at which the next reply to a network is due (the generic cell rate algorithm). */
#include "dns/answer/stranger.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/sock.h"

#define SECOND_NS UINT64_C(1000000000)

struct place {
	uint64_t due_ns[STRANGER_KINDS]; /* of the next reply; up to a second ahead of now */
	uint64_t over;			 /* replies above the limit */
};

struct strangers {
	struct place places[STRANGER_NETWORKS];
};

struct strangers *strangers_new(void)
{
	return mem_alloc(sizeof(struct strangers));
}

void strangers_free(struct strangers *s)
{
	free(s);
}

static struct place *place_of(struct strangers *s, const struct sockaddr *from)
{
	struct addr a;

	sock_parse(&a, from);
	const struct cidr network = cidr_network(&a, a.family == AF_INET ? STRANGER_PREFIX4 : STRANGER_PREFIX6);
	return &s->places[hash_key(&network.addr, sizeof network.addr) % STRANGER_NETWORKS];
}

enum stranger_action strangers_reply(struct strangers *s, const struct sockaddr *from, enum stranger_kind kind,
				     uint64_t now_ns)
{
	static const uint64_t gaps_ns[STRANGER_KINDS] = {[STRANGER_ANSWER] = SECOND_NS / STRANGER_ANSWERS_PER_S,
							 [STRANGER_ERROR] = SECOND_NS / STRANGER_ERRORS_PER_S};
	struct place *p = place_of(s, from);
	uint64_t due_ns = p->due_ns[kind] > now_ns ? p->due_ns[kind] : now_ns;

	if (due_ns + gaps_ns[kind] > now_ns + SECOND_NS)
		return ++p->over % STRANGER_SLIP == 0 ? STRANGER_TRUNCATE : STRANGER_DROP;
	p->due_ns[kind] = due_ns + gaps_ns[kind];
	return STRANGER_SEND;
}
