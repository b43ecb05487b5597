/* Which domains are left of a pod's search list, and what they have. */
#include "dns/answer/autopath.h"

#include <string.h>

#include "base/sock.h"
#include "dns/answer/answer.h"
#include "dns/answer/answer_static.h"
#include "dns/zone/table.h"

#define SVC_LABELS 2 /* NS.svc, in front of the apex */

/* What resolvers search for. */
static bool is_searched(unsigned type)
{
	return type == TYPE_A || type == TYPE_AAAA || type == TYPE_HTTPS || type == TYPE_SVCB || type == TYPE_SRV;
}

/* Labels in front of "NS.svc.DOMAIN" where that is the first domain of the client's list; 0: it is not. */
static unsigned own_labels(const struct zone *z, const struct owner_ref *s, const struct reply *r)
{
	struct addr from;
	unsigned length;

	if (s->above <= SVC_LABELS || !name_label_is(s->name, s->above - 1, "svc"))
		return 0;
	sock_parse(&from, r->search_from);
	const struct pod *pod = table_pod(z, &from);
	const uint8_t *ns = name_label(s->name, s->above - SVC_LABELS, &length);
	return pod != NULL && !pod->own_search && label_compare(ns, length, pod->ns) == 0 ? s->above - SVC_LABELS : 0;
}

/* The first labels of a name with another end, shorter than what stood there. */
static struct name joined(const struct name *name, unsigned labels, const char *middle, const struct name *end)
{
	uint8_t wire[NAME_BYTES];
	size_t length = name->label_at[labels], middle_bytes = strlen(middle), at = 0;
	struct name n;

	memcpy(wire, name->wire, length);
	memcpy(wire + length, middle, middle_bytes);
	memcpy(wire + length + middle_bytes, end->wire, end->length);
	name_read(&n, wire, length + middle_bytes + end->length, &at);
	return n;
}

static void begin(struct reply *r)
{
	writer_back(&r->w, r->records_at);
	r->answers = r->authorities = r->additionals = 0;
	r->rcode = RCODE_NOERROR;
	r->truncated = false;
}

/* An alias from the asked name to `name`, and what that has. */
static void alias(const struct zone *z, const struct owner_ref *s, const struct name *name, unsigned type,
		  struct reply *r)
{
	const unsigned above = name->labels - z->domain.labels;
	const size_t data_at = r->records_at + RECORD_FIXED_BYTES;

	begin(r);
	uint8_t *p = record_open(r, WIRE_HEADER_BYTES, TYPE_CNAME, z->ttl_s);
	if (p != NULL) {
		writer_bytes(&r->w, name->wire, name->label_at[above]);
		writer_pointer(&r->w, s->zone_at);
	}
	if (p == NULL || !record_close(r, p, &r->answers)) {
		r->truncated = true;
		return;
	}
	struct owner_ref target = {name, above, (unsigned)data_at, s->zone_at};
	answer_forward(z, &target, type, r, 0);
}

/*
 * The name has records, of whatever type. One that only stands above others (a namespace, "svc") has none: the client's
 * own resolver would go on there, or lose the name.
 */
static bool exists(const struct zone *z, const struct owner_ref *s, const struct name *name, const struct reply *r)
{
	uint8_t scratch[4 * (RECORD_FIXED_BYTES + NAME_BYTES)]; /* question, alias, and what ANY gets */
	struct reply trial = *r;

	trial.w = (struct writer){scratch, r->records_at, sizeof scratch, false};
	alias(z, s, name, TYPE_ANY, &trial);
	return trial.rcode == RCODE_NOERROR && trial.answers > 1;
}

static bool find(const struct zone *z, const struct owner_ref *s, const struct name *name, unsigned type,
		 struct reply *r)
{
	if (!exists(z, s, name, r))
		return false;
	alias(z, s, name, type, r);
	r->searched = true;
	return true;
}

void autopath_answer(const struct zone *z, const struct owner_ref *s, unsigned type, struct reply *r)
{
	const unsigned labels = is_searched(type) && r->search_from != NULL ? own_labels(z, s, r) : 0;
	struct name root, name;

	if (labels == 0)
		return;
	name_parse(&root, ".");
	name = joined(s->name, labels, "\3svc", &z->domain);
	if (find(z, s, &name, type, r))
		return;
	name = joined(s->name, labels, "", &z->domain);
	if (find(z, s, &name, type, r))
		return;
	name = joined(s->name, labels, "", &root);
	if (name_ends_with(&name, &z->domain)) /* such names never leave the node */
		find(z, s, &name, type, r);
	else if (!answer_static_has(z, &name)) /* else the client's own resolver finds it */
		r->search_labels = labels;
}
