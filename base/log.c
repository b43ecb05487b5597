/* Writes log lines to standard error. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

#define LINE_BYTES 2048

static atomic_int current_level = LOG_INFO;

static bool to_journal;

struct tag {
	const char *name;
	int priority; /* as syslog's */
};

static const struct tag fatal_tag = {"fatal", 2};
static const struct tag level_tag[] = {
	[LOG_WARN] = {"warning", 4},	[LOG_NOTICE] = {"notice", 5}, [LOG_INFO] = {"info", 6},
	[LOG_VERBOSE] = {"verbose", 7}, [LOG_DEBUG] = {"debug", 7},
};

void log_open(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	to_journal = stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
		     fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device && status.st_ino == inode;
}

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

static size_t put_start(char *line, size_t room, const struct tag *tag)
{
	struct timespec now;
	struct tm utc;

	if (to_journal)
		return clamp(snprintf(line, room, "<%d>%s: ", tag->priority, tag->name), room);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t n = strftime(line, room, "%Y-%m-%dT%H:%M:%S", &utc);
	return n + clamp(snprintf(line + n, room - n, ".%03ldZ %s: ", now.tv_nsec / 1000000, tag->name), room - n);
}

/* A line longer than LINE_BYTES is cut: a log line must never fail or allocate. */
static void line_write(const struct tag *tag, const char *suffix, const char *fmt, va_list ap)
{
	char line[LINE_BYTES], message[LINE_BYTES];

	size_t n = put_start(line, sizeof line, tag);
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
		line_write(&level_tag[level], NULL, fmt, ap); \
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
	line_write(&fatal_tag, reason, fmt, ap);
	va_end(ap);
	exit(1);
}

void fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line_write(&fatal_tag, NULL, fmt, ap);
	va_end(ap);
	exit(1);
}
