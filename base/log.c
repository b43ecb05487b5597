/* Writes log lines to standard error. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define LINE_BYTES 2048

static atomic_int current_level = LOG_INFO;

static const char *const level_name[] = {
	[LOG_WARN] = "warning",	   [LOG_NOTICE] = "notice", [LOG_INFO] = "info",
	[LOG_VERBOSE] = "verbose", [LOG_DEBUG] = "debug",
};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

static size_t clamp(int printed, size_t room)
{
	if (printed < 0)
		return 0;
	return (size_t)printed < room ? (size_t)printed : room - 1;
}

/* A line longer than LINE_BYTES is cut: a log line must never fail or allocate. */
static void line_write(const char *tag, const char *suffix, const char *fmt, va_list ap)
{
	char line[LINE_BYTES], message[LINE_BYTES];
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t n = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
	n += clamp(snprintf(line + n, sizeof line - n, ".%03ldZ %s: ", now.tv_nsec / 1000000, tag), sizeof line - n);
	size_t length = clamp(vsnprintf(message, sizeof message, fmt, ap), sizeof message);
	n += text_escape(line + n, sizeof line - n, message, length);
	if (suffix != NULL)
		n += clamp(snprintf(line + n, sizeof line - n, ": %s", suffix), sizeof line - n);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nowhere left to complain */
}

#define LOG_FUNCTION(name, level)                             \
	void name(const char *fmt, ...)                       \
	{                                                     \
		va_list ap;                                   \
		if (!log_enabled(level))                      \
			return;                               \
		va_start(ap, fmt);                            \
		line_write(level_name[level], NULL, fmt, ap); \
		va_end(ap);                                   \
	}

LOG_FUNCTION(log_warn, LOG_WARN)
LOG_FUNCTION(log_notice, LOG_NOTICE)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_verbose, LOG_VERBOSE)
LOG_FUNCTION(log_debug, LOG_DEBUG)

void fatal(const char *fmt, ...)
{
	const char *reason = strerror(errno);
	va_list ap;

	va_start(ap, fmt);
	line_write("fatal", reason, fmt, ap);
	va_end(ap);
	exit(1);
}

void fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line_write("fatal", NULL, fmt, ap);
	va_end(ap);
	exit(1);
}
