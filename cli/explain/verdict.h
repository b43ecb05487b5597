/*
 * What the facts mean. Each rule looks for one fault and, where it is there, says it in one sentence for a newcomer.
 * The order of the rules is the order of causes: the first fault found is the first line of `fairlead explain`. Pure.
 */
#ifndef CLI_EXPLAIN_VERDICT_H
#define CLI_EXPLAIN_VERDICT_H

#include "cli/explain/facts.h"

enum severity {
	SEVERITY_RISK, /* it may fail for some clients, or what is shown may be old */
	SEVERITY_FAULT /* it does not work, and this is why */
};

struct finding {
	const char *rule; /* "not-ready", …: stable, for scripts */
	enum severity severity;
	const char *text;
};

#define FINDINGS_MAX 32 /* one a rule, and room */

struct findings { /* zeroed, with an arena */
	struct arena *arena;
	size_t count;
	struct finding items[FINDINGS_MAX];
};

void findings_add(struct findings *out, const char *rule, enum severity severity, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
bool findings_has_fault(const struct findings *out);

/* In the order of causes, faults before risks. */
void verdict(const struct facts *f, struct findings *out);

/* The parts, one file each. They add what they find. */
void verdict_names(const struct facts *f, struct findings *out);
void verdict_address(const struct facts *f, struct findings *out);   /* is there a Service behind what was asked? */
void verdict_endpoints(const struct facts *f, struct findings *out); /* has it endpoints, for this client? */
void verdict_kernel(const struct facts *f, struct findings *out);

/* Whether a connection of this client to this frontend gets the node's address as its source, and why. */
const char *verdict_masquerade(const struct facts *f, const struct facts_frontend *frontend);

#endif
