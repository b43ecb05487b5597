/*
 * What the manifests define, and where: files hold documents, documents make definitions, definitions on the same
 * object share an entry, and of an entry's definitions the first by path and line is shown to the sink. One per
 * manifest directory.
 */
#ifndef WATCH_MANIFEST_MANIFEST_CATALOG_H
#define WATCH_MANIFEST_MANIFEST_CATALOG_H

#include "base/map.h"
#include "watch/source.h"

struct entry;
struct load;
struct gone;
struct document;

/* "Document D defines object E." */
struct definition {
	struct entry *entry;
	struct document *document;
	struct definition *next_in_document, *next_in_entry;
	struct definition **at_in_document, **at_in_entry; /* what points to it: it leaves a long list at once */
	struct object *object;				   /* decoded just now, until the entry is settled; else NULL */
	uint64_t digest;
	uint32_t line; /* counted from the document's first line */
};

/* An object that was refused: its last good version is kept. */
struct refusal {
	struct refusal *next;
	size_t key_bytes;
	char key[]; /* see catalog_key */
};

struct document {
	struct file *file;
	struct document *next;
	uint64_t hash;
	uint32_t offset_bytes, length_bytes; /* length 0: holds definitions without bytes */
	uint32_t line;			     /* of its first byte in the file */
	bool unreadable;		     /* what it defines is not known */
	bool item;			     /* one element of a list that was cut: see watch/manifest/manifest_cut.h */
	bool gone;			     /* no longer in the file: its definitions are held or dropped */
	struct definition *definitions;
	struct refusal *refusals;
};

struct file {
	char *path; /* below the root; the key of the map of files */
	struct file *next_in_dir, **at_in_dir;
	struct document *documents;
	struct document *held; /* definitions whose text is gone or bad, kept in their last good version; NULL = none */
	uint64_t stamp[4];     /* device and inode, size, mtime, ctime: equal = unchanged */
	struct load *load;     /* another thread reads it; NULL: none */
	bool again;	       /* it has changed since that was asked for */
	bool failed;	       /* could not be read */
};

struct entry {
	struct definition *definitions;
	const struct definition *shown; /* whose version the sink has; NULL with in_sink: that definition is gone */
	struct entry *next_dirty;
	struct gone *gone; /* why it may go, in this turn; NULL = as it should */
	uint64_t digest;   /* of the version in the sink */
	enum object_kind kind;
	bool in_sink, dirty, warned;
	bool waiting, waited; /* to go: see catalog_wait */
	uint16_t name_at;     /* offset of the name in key */
	uint16_t key_bytes;
	char key[]; /* kind, NUL, namespace, NUL, name, NUL */
};

struct waiting { /* an entry that is to go, and for what it waits */
	struct entry *entry;
	uint64_t number;
};

struct catalog {
	struct map entries;	 /* by key */
	struct waiting *waiting; /* in the order of their numbers */
	size_t waiting_first, waiting_count, waiting_room;
	struct entry *dirty, *last_dirty; /* to be settled, in the order they were touched */
	size_t documents;		  /* that have bytes in a file */
	size_t rivals;			  /* definitions beyond the first on an object */
};

/* Writes kind, namespace and name as one key; returns its length (0: longer than any name can be). */
#define CATALOG_KEY_BYTES 640
size_t catalog_key(char key[CATALOG_KEY_BYTES], const char *kind, const char *ns, const char *name);
static inline const char *entry_ns(const struct entry *e)
{
	return e->key + __builtin_strlen(e->key) + 1;
}
static inline const char *entry_name(const struct entry *e)
{
	return e->key + e->name_at;
}

/* The document defines this object (ownership passes). touch: its entry is touched. */
void catalog_define(struct catalog *c, struct document *d, struct object *o, uint32_t line, bool touch);
void catalog_touch_all(struct catalog *c, const struct document *d);	 /* that the document defines */
void catalog_undefine(struct catalog *c, struct definition *definition); /* frees it */
void definition_move(struct definition *definition, struct document *d); /* from its document to this one */
/* Drops definitions that are held but not shown: there is nothing to show them from. */
void catalog_drop_stale(struct catalog *c, struct entry *e);
void catalog_touch(struct catalog *c, struct entry *e);
/*
 * Nothing defines it, but a file may that is being read: it stays until the loads up to that number are done.
 * catalog_wake tells which are, and touches the entries that have waited.
 */
void catalog_wait(struct catalog *c, struct entry *e, uint64_t number);
void catalog_wake(struct catalog *c, uint64_t done);
/* The definition that counts; NULL = none. */
struct definition *entry_winner(const struct entry *e);

struct document *document_new(struct file *f);
void document_free(struct catalog *c, struct document *d); /* with its definitions */

void catalog_fini(struct catalog *c); /* after all documents are freed */

#endif
