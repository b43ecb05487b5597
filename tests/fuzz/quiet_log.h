/* The log of a fuzz target: lines are counted, not written. Include in one file of it. */
#ifndef TESTS_QUIET_LOG_H
#define TESTS_QUIET_LOG_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

static uint64_t lines;

static void line_count(const char *fmt, va_list arguments)
{
	char text[4096];

	if (vsnprintf(text, sizeof text, fmt, arguments) < 0) /* what it points at is read */
		abort();
	lines++;
}

#define LOG_FUNCTION(name)                  \
	void name(const char *fmt, ...)     \
	{                                   \
		va_list arguments;          \
		va_start(arguments, fmt);   \
		line_count(fmt, arguments); \
		va_end(arguments);          \
	}

LOG_FUNCTION(log_warn)
LOG_FUNCTION(log_notice)
LOG_FUNCTION(log_info)

void log_verbose(const char *fmt, ...)
{
	(void)fmt;
}

void log_debug(const char *fmt, ...)
{
	(void)fmt;
}

void log_set_level(enum log_level level)
{
	(void)level;
}

bool log_enabled(enum log_level level)
{
	return level <= LOG_INFO;
}

void fatal(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

void fatalx(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

#endif
