/*
 * The checkpoint in the daemon: what the API server last said is kept in --state-dir, and when the
 * server has not said everything by CHECKPOINT_WAIT_MS after the start, that state is served until it has: alone, never
 * mixed with the part that the server has said so far (staging.h). Main thread; checkpoint_writer.h writes the file.
 */
#ifndef PROXY_CHECKPOINT_H
#define PROXY_CHECKPOINT_H

#include <ev.h>

#include "base/json.h"
#include "proxy/store.h"

#define CHECKPOINT_WAIT_MS 400
#define CHECKPOINT_SAVE_GAP_MS 5000 /* smallest gap between two writes */

struct checkpoint;

/*
 * source names what the state is of. The source is to talk to checkpoint_sink from now on; everything goes on to the
 * store's sink. All is borrowed but source.
 */
struct checkpoint *checkpoint_new(struct ev_loop *loop, const char *directory, const char *source, struct store *store);
/* Writes once more if something has changed since; waits for CHECKPOINT_STOP_MS at most. */
void checkpoint_free(struct checkpoint *l); /* NULL is fine */
const struct sink *checkpoint_sink(const struct checkpoint *l);
void checkpoint_changed(struct checkpoint *l); /* an object of the store has */

/* Members of status's object "source", and text behind its line; nothing unless the stored state is being served. */
void checkpoint_json(const struct checkpoint *l, struct json *j);
void checkpoint_text(const struct checkpoint *l, struct buf *out);

#endif
