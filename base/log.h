/*
 * Log lines to stderr, one a line, subject first.
 *
 * What a level means: warn = someone should look; notice = life cycle (start, stop, mode); info = wanted in a
 * quiet week; verbose = one line per applied change; debug = everything that helps to follow one event.
 * Per-packet happenings are counters, never lines. Any thread may call; a line is written with one write().
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_WARN = 0, LOG_NOTICE = 1, LOG_INFO = 2, LOG_VERBOSE = 3, LOG_DEBUG = 4 };

/*
 * When standard error is a stream of systemd's journal ($JOURNAL_STREAM), lines begin with their priority, as in
 * sd-daemon(3), instead of the time, which the journal keeps itself. Before there are threads.
 */
void log_open(void);
/* Lines of a level above `level` are dropped. Default: LOG_INFO. */
void log_set_level(enum log_level level);
/* True when a line of `level` would be written: guards the making of costly arguments. */
bool log_enabled(enum log_level level);

void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Cannot continue: one line (with strerror(errno) in fatal), then exit code 1. */
void fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void fatalx(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
