/*
 * The last-known-good state in the daemon (issue 3): what the API server last said is kept in --state-dir, and when the
 * server has not said everything by LASTKNOWN_WAIT_MS after the start, that state is served until it has: alone, never
 * mixed with the part that the server has said so far (aside.h). Main thread; the file is written by a forked child,
 * which sees the objects as they are at the fork, so that neither packing nor fsync ever holds up the loop.
 */
#ifndef PROXY_CHECKPOINT_H
#define PROXY_CHECKPOINT_H

#include <ev.h>

#include "base/json.h"
#include "proxy/store.h"

#define LASTKNOWN_WAIT_MS 400
#define LASTKNOWN_SAVE_GAP_MS 5000 /* smallest gap between two writes */

struct lastknown;

/*
 * source names what the state is of. The source is to talk to lastknown_sink from now on; everything goes on to the
 * store's sink. The loop is libev's default loop (children are reaped on it). All is borrowed but source.
 */
struct lastknown *lastknown_new(struct ev_loop *loop, const char *directory, const char *source, struct store *store);
/* Writes once more if something has changed since. */
void lastknown_free(struct lastknown *l); /* NULL is fine */
const struct sink *lastknown_sink(const struct lastknown *l);
void lastknown_changed(struct lastknown *l); /* an object of the store has */

/* Members of status's object "source", and text behind its line; nothing unless the stored state is being served. */
void lastknown_json(const struct lastknown *l, struct json *j);
void lastknown_text(const struct lastknown *l, struct buf *out);

#endif
