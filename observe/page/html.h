/*
 * HTML text. Everything that comes from outside goes through html_text, which also makes control characters and invalid
 * UTF-8 visible (base/text.h); the rest is ours. Not thread-safe.
 */
#ifndef OBSERVE_PAGE_HTML_H
#define OBSERVE_PAGE_HTML_H

#include "base/buf.h"

/* As text or as a value in double quotes. */
void html_text(struct buf *out, const char *text);
/* The same of what fmt makes: at most 1 KiB, cut there. */
void html_printf(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
