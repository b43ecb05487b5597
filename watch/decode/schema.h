/*
 * The fields of the kinds that are read here, as Kubernetes 1.35 has them: what `kubectl --validate=strict` compares a
 * manifest with. One table a kind; constant data.
 */
#ifndef WATCH_DECODE_SCHEMA_H
#define WATCH_DECODE_SCHEMA_H

enum schema_type {
	SCHEMA_ANY, /* not looked into, or several types will do */
	SCHEMA_STRING,
	SCHEMA_BOOL,
	SCHEMA_INTEGER,
	SCHEMA_INT_OR_STRING,
	SCHEMA_TIME,	/* RFC 3339 */
	SCHEMA_STRINGS, /* a list of strings */
	SCHEMA_STRING_MAP,
	SCHEMA_MAP,  /* has fields */
	SCHEMA_LIST, /* of maps that have fields */
};

struct schema {
	const char *name; /* NULL ends a table */
	enum schema_type type;
	const struct schema *fields; /* NULL: not looked into */
};

/* The table of a kind's top level; NULL: none of ours. */
const struct schema *schema_of(const char *kind);
/* Of `kind: List` and of typed lists. */
extern const struct schema schema_list[];

#endif
