/*
 * A small value tree: what a YAML or JSON document says, before anything is known of its meaning. All nodes and texts
 * live in the arena they were made from and die with it; a tree is built once, then read only. Main thread.
 */
#ifndef WATCH_DECODE_VALUE_H
#define WATCH_DECODE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#define VALUE_DEPTH_MAX 64 /* nested lists and maps; deeper documents are refused */

enum value_type { VALUE_NULL, VALUE_BOOL, VALUE_NUMBER, VALUE_STRING, VALUE_LIST, VALUE_MAP };

/* 48 bytes: a document of many small values costs little more than this each. */
struct value {
	uint8_t type;
	bool boolean;
	bool plain;	     /* a YAML scalar without quotes */
	bool whole;	     /* the number is an integer that fits `integer` */
	uint32_t line;	     /* from 1; 0 = not known */
	const char *key;     /* inside a map: the entry's name; else NULL */
	const char *text;    /* scalars: as written, never NULL, no NUL inside */
	struct value *next;  /* sibling */
	struct value *first; /* lists and maps: children in order */
	union {
		size_t count;	 /* lists and maps */
		int64_t integer; /* numbers */
	};
};

struct value *value_new(struct arena *arena);
/* "null", "boolean", "number", "string", "list", "map" */
const char *value_type_name(const struct value *v);
/* The entry of a map, NULL when absent, null, or v is no map (or NULL). */
const struct value *value_get(const struct value *v, const char *key);
/* *last: the parent's last child, NULL at first; the caller's while it builds. */
void value_append(struct value *parent, struct value **last, struct value *child);
/* The first key that a map has twice; NULL = none. */
const struct value *value_duplicate(const struct value *map);
/* yes, no, on, off, y, n: booleans of YAML 1.1. They stay strings, so that a name may be one, except where a field
 * asks. */
bool value_old_bool(const struct value *v, bool *b);

#endif
