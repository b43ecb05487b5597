/*
 * One lookup as a resolver does it: sends the questions that dns/resolver/search.h wants, to the servers of a
 * resolv.conf, until the resolver stops. Blocks. Main thread.
 */
#ifndef CLI_LOOKUP_H
#define CLI_LOOKUP_H

#include "base/addr_port.h"
#include "cli/query_send.h"

#define LOOKUP_TYPE_A 1
#define LOOKUP_TYPE_AAAA 28
#define LOOKUP_UDP_BYTES_PLAIN 512 /* what glibc and musl take (RFC 1035 4.2.1) */
#define LOOKUP_UDP_BYTES_EDNS 1232

struct lookup {
	/* set by the caller */
	struct arena *arena;
	enum resolver resolver;
	const char *name;
	unsigned types[SEARCH_FAMILIES], families;
	bool edns;		       /* always; else as the resolver does */
	unsigned timeout_ms;	       /* of a question, at most; 0: as the resolver waits */
	struct addr_port_list servers; /* lookup_add_server; those of the file when there are none */
	struct search_config file;     /* lookup_read_file */
	void (*tried)(void *ctx, const struct query_try *t); /* after each question */
	void (*told)(void *ctx, const char *why);	     /* what the resolver did just now that surprises people */
	void *ctx;
	/* set by lookup_run */
	struct search search;
	size_t last; /* of search.names: the last one asked */
};

void lookup_add_server(struct lookup *l, struct addr_port server);
/* False: *bad is a name server that is no address and was left out; may be NULL. */
void lookup_read_file(struct lookup *l, const char *text, size_t length, void (*bad)(const char *server));
/* searching: with the search list of the file. */
void lookup_run(struct lookup *l, bool searching);
/* Why the result is what it is, for a lookup that found nothing. Static. */
const char *lookup_reason(const struct search *s);

/*
 * Lines of a reply's text (query_message.h) behind the first. NULL at the end. *at starts at NULL; *ede: the line is an
 * extended error, without its "EDE ". The line ends at *length.
 */
const char *lookup_line(const struct buf *text, const char **at, size_t *length, bool *ede);

#endif
