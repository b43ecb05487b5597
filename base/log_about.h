/*
 * Limits the lines about the objects of one namespace: a tenant who may write objects there must not fill the log of
 * every node, by one line for each of 100 edits a second. Any thread.
 */
#ifndef BASE_LOG_ABOUT_H
#define BASE_LOG_ABOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

#define LOG_ABOUT_BURST 100u
#define LOG_ABOUT_EVERY_MS 3000u /* one more */

/*
 * True: the level is on, and a line about an object of that namespace (NULL or empty: of none, always) may be written
 * now. The first line that is left out is told, and how many they were when there is room again.
 */
bool log_about(enum log_level level, const char *ns);

/* The limit of one namespace; all zero: nothing was written. Pure. */
struct log_share {
	uint64_t spent_ms; /* what was written, at LOG_ABOUT_EVERY_MS each, is paid for at this time */
	uint64_t left_out; /* since the last line */
};
/* Whether a line may be written at now_ms; else it counts as left out. */
bool log_share_take(struct log_share *share, uint64_t now_ms);

#endif
